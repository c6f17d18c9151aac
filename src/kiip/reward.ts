import { isInstant, withZone } from '../validation/instant.js';
import type { MomentDto, RewardDto } from './moment.dto.js';
import { isRewardUrl } from './reward-url.js';

/** A moment's answer cannot be used. The message names the member that is wrong, never its value. */
export class UnusableReward extends Error {}

type Members = Readonly<Record<string, unknown>>;

/**
 * Reads Kiip's answer to a moment (kiip-server-to-server.txt, "Moment Endpoint"). There is a reward if and only if
 * `view.modal.body_url` is given; every other member may be missing, and one that is not of the documented type counts as missing.
 * @param hosts where rewards may be shown from, as `host` or `host:port`
 * @throws UnusableReward where a reward's page must not be shown, or `view` is no view
 */
export function readMoment(answer: Members, hosts: readonly string[]): MomentDto {
  const date = instantOf(answer['date']);
  const view = partOf(answer['view'], 'view');
  const modal = partOf(view['modal'], 'view.modal');
  const url = modal['body_url'] ?? '';
  if (url === '') return { rewarded: false, date, reward: null };
  if (!isRewardUrl(url, hosts))
    throw new UnusableReward('view.modal.body_url is not https on an allowed host');
  return { rewarded: true, date, reward: rewardOf(answer, view, modal, url) };
}

function rewardOf(answer: Members, view: Members, modal: Members, url: string): RewardDto {
  const notification = isMembers(answer['notification']) ? answer['notification'] : {};
  return {
    id: textOf(view['id']),
    name: textOf(notification['reward_name']),
    image_url: pictureOf(notification['reward_image_url']),
    title: textOf(modal['title']),
    message: textOf(modal['message']),
    timeout_seconds: secondsOf(modal['timeout']),
    display_url: url,
    email_bounced: typeof view['email_bounced'] === 'boolean' ? view['email_bounced'] : null,
    // The sample's indentation puts it at the root, its braces put it here.
    used_date: instantOf(view['used_date'] ?? answer['used_date']),
  };
}

/** `null` is as good as absent; anything else but an object is no answer to a moment. */
function partOf(value: unknown, name: string): Members {
  if (value === undefined || value === null) return {};
  if (!isMembers(value)) throw new UnusableReward(`${name} is no object`);
  return value;
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Apps put it into pages: no `javascript:` in there. */
function pictureOf(value: unknown): string | null {
  return typeof value === 'string' && /^https?:\/\//i.test(value) ? value : null;
}

function secondsOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

function instantOf(value: unknown): string | null {
  return isInstant(value) ? withZone(value) : null;
}
