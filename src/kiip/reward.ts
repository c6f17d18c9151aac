import { isLoopback } from '../config/parsers.js';
import { parseInstant } from '../validation/instant.js';
import type { MomentDto, RewardDto } from './moment.dto.js';

/** The response to a moment cannot be used. The message names the wrong field, never its value. */
export class InvalidRewardError extends Error {}

const REWARD_URL_PATTERN = /^https?:\/\/([a-z\d.-]+|\[[\da-f:.]+\])(:\d+)?([/?#][^\s\p{C}\\"<>^`]*)?$/iu;

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Parses Kiip's response to a moment (docs/vendors/kiip.md, 3 and 4). It has a reward if and only if it has
 * `view.modal.body_url`. Any other field may be missing; a field of another type than documented counts as missing.
 * @param origins the allowed origins of reward pages: see `rewardOrigins`
 * @throws InvalidRewardError when the reward page must not be shown, or `view` is not an object
 */
export function readMoment(response: JsonObject, origins: ReadonlySet<string>): MomentDto {
  const date = asInstant(response['date']);
  const view = objectAt(response['view'], 'view');
  const modal = objectAt(view['modal'], 'view.modal');
  const url = modal['body_url'] ?? '';
  if (url === '') return { rewarded: false, date, reward: null };
  if (!isRewardUrl(url, origins))
    throw new InvalidRewardError('view.modal.body_url is not https on an allowed host');
  return { rewarded: true, date, reward: toReward(response, view, modal, url) };
}

function toReward(response: JsonObject, view: JsonObject, modal: JsonObject, url: string): RewardDto {
  const notification = isRecord(response['notification']) ? response['notification'] : {};
  return {
    id: asString(view['id']),
    name: asString(notification['reward_name']),
    image_url: asImageUrl(notification['reward_image_url']),
    title: asString(modal['title']),
    message: asString(modal['message']),
    timeout_seconds: asSeconds(modal['timeout']),
    display_url: url,
    email_bounced: typeof view['email_bounced'] === 'boolean' ? view['email_bounced'] : null,
    // The documented sample is ambiguous: by its indentation the field is in the root, by its braces in `view`.
    used_date: asInstant(view['used_date'] ?? response['used_date']),
  };
}

/** `null` counts as missing; any other value must be an object. */
function objectAt(value: unknown, name: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw new InvalidRewardError(`${name} is not an object`);
  return value;
}

export function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asString(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Only http(s), because apps put it into pages: a `javascript:` URL would run there. */
function asImageUrl(value: unknown): string | null {
  return typeof value === 'string' && /^https?:\/\//i.test(value) ? value : null;
}

function asSeconds(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

function asInstant(value: unknown): string | null {
  return parseInstant(value) ?? null;
}

/**
 * Whether apps may show this page: https on an allowed host, or http on a loopback host. The URL is passed on unchanged, so
 * every URL parser must understand it alike: the host is written out, and no character may end an HTML attribute.
 */
function isRewardUrl(value: unknown, origins: ReadonlySet<string>): value is string {
  if (typeof value !== 'string' || !REWARD_URL_PATTERN.test(value)) return false;
  const url = URL.parse(value);
  return url !== null && origins.has(url.origin) && (url.protocol === 'https:' || isLoopback(url.hostname));
}

/**
 * The origins of hosts, with http as well: see `isRewardUrl`.
 * @param hosts `host` (with the default port of the scheme) or `host:port`
 */
export function rewardOrigins(hosts: readonly string[]): ReadonlySet<string> {
  const urls = hosts.flatMap((host) => [URL.parse(`https://${host}`), URL.parse(`http://${host}`)]);
  return new Set(urls.flatMap((url) => url?.origin ?? []));
}
