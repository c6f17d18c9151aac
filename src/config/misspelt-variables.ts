import { VARIABLES } from './variables.js';
import type { Variable } from './variables.js';

/** Without one of these, somebody may do more than was meant. Those that the start requires where they matter are not among them. */
const PROTECTING = [
  'ALLOW_INSECURE_STORES',
  'ALLOW_INSECURE_UPSTREAMS',
  'CALLBACK_PORT',
  'CALLBACK_RATE_LIMIT_PER_MINUTE',
  'CALLER_AUTH',
  'CALLER_SCOPES',
  'FAILED_CREDENTIALS_PER_MINUTE',
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
  /^(ACCOUNT_TTL|ALLOW_INSECURE|API_KEYS|CALLBACK|CALLER|DATABASE|DELIVERY|FAILED_CREDENTIALS|HUB_SUMMARY|JWT|KIGO|KIIP|MANAGEMENT|RATE_LIMIT|REDIS|RETENTION|SPOOL|TRUSTED_PROXY|UPSTREAM)_/i;

/** Kubernetes and Docker set these for each service, under its name. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT)(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$/;
/** The value of a service's `_PORT`: nobody who means a port of ours writes a URL. */
const SERVICE_URL = /^(tcp|udp|sctp):\/\//;

interface Misspelt {
  readonly name: string;
  /** The variable that was meant, if one is near. */
  readonly meant: string | undefined;
  /** It protects something, and is not set under its right name. */
  readonly dangerous: boolean;
}

/** The variables of an environment that nobody reads, although they look like ours. */
export function misspeltVariables(env: Readonly<Record<string, string | undefined>>): Misspelt[] {
  const variables = Object.values<Variable<unknown>>(VARIABLES);
  const known = variables.flatMap(({ env: name, secret }) => (secret ? [name, `${name}_FILE`] : [name]));
  const isSet = (name: string) => (env[name]?.trim() ?? '') !== '';
  // An alias is read unless the name itself is set.
  const aliases = variables.filter((variable) => !isSet(variable.env)).map(({ alias }) => alias);
  return Object.keys(env)
    .filter((name) => isSet(name) && !known.includes(name) && !aliases.includes(name))
    .filter((name) => !(SERVICE_LINK.test(name) && SERVICE_URL.test(env[name]!)))
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
