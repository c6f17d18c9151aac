import { VARIABLES } from './variables.js';
import type { Variable } from './variables.js';

/** Without one of these, somebody may do more than was meant. */
const PROTECTING = [
  'ALLOW_INSECURE_STORES',
  'ALLOW_INSECURE_UPSTREAMS',
  'API_KEYS',
  'CALLBACK_PORT',
  'CALLBACK_RATE_LIMIT_PER_MINUTE',
  'CALLER_AUTH',
  'CALLER_SCOPES',
  'FAILED_CREDENTIALS_PER_MINUTE',
  'JWT_AUDIENCE',
  'JWT_ISSUER',
  'JWT_JWKS_URL',
  'KIIP_APP_SECRETS',
  'KIIP_CURRENCIES',
  'KIIP_LEGACY_SIGNATURE',
  'KIIP_REWARD_HOSTS',
  'KIIP_UNKNOWN_REWARDS',
  'KIIP_UNKNOWN_USERS',
  'KIIP_USER_REFERENCE',
  'MANAGEMENT_PORT',
  'RATE_LIMIT_PER_MINUTE',
  'TRUSTED_PROXY_HOPS',
];

const PREFIX =
  /^(ACCOUNT_TTL|ALLOW_INSECURE|API_KEYS|CALLBACK|CALLER|DATABASE|DELIVERY|FAILED_CREDENTIALS|HUB_SUMMARY|JWT|KIGO|KIIP|MANAGEMENT|RATE_LIMIT|REDIS|RETENTION|TRUSTED_PROXY|UPSTREAM)_/i;

/** Kubernetes and Docker set these for each service, under its name. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT)(_\w+)?|PORT|PORT_\d+_(TCP|UDP)(_\w+)?)$/;

interface Misspelt {
  readonly name: string;
  /** The variable that was meant, if one is near. */
  readonly meant: string | undefined;
  /** It protects something, and is not set under its right name. */
  readonly dangerous: boolean;
}

/** The variables of an environment that nobody reads, although they look like ours. */
export function misspeltVariables(env: Readonly<Record<string, string | undefined>>): Misspelt[] {
  const known = Object.values<Variable<unknown>>(VARIABLES).flatMap((variable) =>
    variable.secret ? [variable.env, `${variable.env}_FILE`] : [variable.env],
  );
  const isSet = (name: string) => (env[name]?.trim() ?? '') !== '';
  return Object.keys(env)
    .filter((name) => isSet(name) && !known.includes(name))
    .flatMap((name) => {
      const meant = known.find((right) => isNear(name, right));
      if (meant === undefined && (!PREFIX.test(name) || SERVICE_LINK.test(name))) return [];
      const base = meant?.replace(/_FILE$/, '');
      const given = [base, `${base}_FILE`].some((right) => known.includes(right!) && isSet(right!));
      return [{ name, meant, dangerous: base !== undefined && PROTECTING.includes(base) && !given }];
    });
}

/** Another case, other separators, `_FILE` behind a variable that has no file, or one edit away. Short names are near to too much. */
function isNear(name: string, right: string): boolean {
  const [a, b] = [normalize(name), normalize(right)];
  return a === b || a === `${b}FILE` || (b.length > 6 && isOneEditAway(a, b));
}

function normalize(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
}

/** One character more, less or another one, or two that have changed places. */
function isOneEditAway(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  if (left.length <= 1 && right.length <= 1) return true;
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
}
