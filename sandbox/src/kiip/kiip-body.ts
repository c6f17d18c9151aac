import { isObject } from '../server/control-input.js';

/** The parts of a session's or moment's body that the sandbox looks at. */
export interface KiipBody {
  appKey?: string;
  deviceId?: string;
  userId?: string;
  momentId?: string;
  /** Whether there is such a field at all. */
  hasMoment: boolean;
  hasEvents: boolean;
  /** Ids of the events, as far as they are well-formed. */
  events: ('session_start' | 'session_end')[];
  test: boolean;
  closeButton: boolean;
  emailAddress?: string;
  locale?: string;
  sdkVersion?: string;
}

// Only these values hide the button; an empty string does not (docs/vendors/kiip.md).
const HIDES: readonly unknown[] = [false, 0, '0', 'false'];

/** Reads a body; undefined when it is not a JSON object. Unknown fields are ignored. */
export function readKiipBody(text: string): KiipBody | undefined {
  const body = parsed(text);
  if (!isObject(body)) return undefined;
  const { events } = body;
  return {
    appKey: textAt(body, 'app', 'app_key'),
    deviceId: textAt(body, 'device', 'id'),
    userId: textAt(body, 'user', 'userid'),
    momentId: textAt(body, 'moment', 'id'),
    hasMoment: body['moment'] !== undefined,
    hasEvents: events !== undefined,
    events: Array.isArray(events) ? events.flatMap(eventId) : [],
    test: body['test'] === true || body['test'] === 'true',
    closeButton: !HIDES.includes(body['close_button']),
    emailAddress: textAt(body, 'email_address'),
    locale: textAt(body, 'device', 'locale'),
    sdkVersion: textAt(body, 'sdk_version'),
  };
}

function eventId(event: unknown): ('session_start' | 'session_end')[] {
  const id = textAt(event, 'id');
  const start = textAt(event, 'start');
  if (start === undefined || Number.isNaN(Date.parse(start))) return [];
  return id === 'session_start' || id === 'session_end' ? [id] : [];
}

/** The non-empty text or number at a path, as text. */
function textAt(value: unknown, ...path: string[]): string | undefined {
  const found = path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
  if (typeof found === 'number') return String(found);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
