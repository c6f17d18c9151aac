import { isInstant, withZone } from '../validation/instant.js';
import type { MomentDto, RewardDto } from './moment.dto.js';
import { isRewardUrl } from './reward-url.js';

/** A moment's answer cannot be used. The message names the member that is wrong, never its value. */
export class InvalidRewardError extends Error {}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads Kiip's answer to a moment (kiip-server-to-server.txt, "Moment Endpoint"). There is a reward if and only if
 * `view.modal.body_url` is given; every other member may be missing, and one that is not of the documented type counts as missing.
 * @param hosts where rewards may be shown from, as `host` or `host:port`
 * @throws UnusableReward where a reward's page must not be shown, or `view` is no view
 */
export function readMoment(answer: JsonObject, hosts: readonly string[]): MomentDto {
  const date = asInstant(answer['date']);
  const view = objectAt(answer['view'], 'view');
  const modal = objectAt(view['modal'], 'view.modal');
  const url = modal['body_url'] ?? '';
  if (url === '') return { rewarded: false, date, reward: null };
  if (!isRewardUrl(url, hosts))
    throw new InvalidRewardError('view.modal.body_url is not https on an allowed host');
  return { rewarded: true, date, reward: toReward(answer, view, modal, url) };
}

function toReward(answer: JsonObject, view: JsonObject, modal: JsonObject, url: string): RewardDto {
  const notification = isRecord(answer['notification']) ? answer['notification'] : {};
  return {
    id: asString(view['id']),
    name: asString(notification['reward_name']),
    image_url: asImageUrl(notification['reward_image_url']),
    title: asString(modal['title']),
    message: asString(modal['message']),
    timeout_seconds: asSeconds(modal['timeout']),
    display_url: url,
    email_bounced: typeof view['email_bounced'] === 'boolean' ? view['email_bounced'] : null,
    // The sample's indentation puts it at the root, its braces put it here.
    used_date: asInstant(view['used_date'] ?? answer['used_date']),
  };
}

/** `null` is as good as absent; anything else but an object is no answer to a moment. */
function objectAt(value: unknown, name: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw new InvalidRewardError(`${name} is no object`);
  return value;
}

export function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asString(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Apps put it into pages: no `javascript:` in there. */
function asImageUrl(value: unknown): string | null {
  return typeof value === 'string' && /^https?:\/\//i.test(value) ? value : null;
}

function asSeconds(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

function asInstant(value: unknown): string | null {
  return isInstant(value) ? withZone(value) : null;
}
