import { jsonResponse, textResponse } from '../server/http-response.js';
import type { HttpResponse } from '../server/http-response.js';
import { isObject } from '../server/control-input.js';
import type { KigoError } from './kigo-error.js';
import type { KigoSettings } from './kigo-settings.js';
import type { HttpRequest } from '../server/simulated-service.js';

const REQUIRED_FIELDS = ['partner_id', 'api_key'] as const;

const TOKEN_FIELDS: Record<
  KigoSettings['loginToken'],
  (token: string) => { token?: string | number | null }
> = {
  normal: (token) => ({ token }),
  absent: () => ({}),
  null: () => ({ token: null }),
  empty: () => ({ token: '' }),
  number: () => ({ token: 1234567890 }),
};

/** POST /api/v1/auth/sessions. */
export function login(
  request: HttpRequest,
  settings: KigoSettings,
  issue: () => string,
): HttpResponse | KigoError {
  const mediaType = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json') {
    return { status: 415, code: 'unsupported_media_type', message: 'Send application/json.' };
  }
  const body = parsed(request.body);
  if (!isObject(body)) {
    return { status: 400, code: 'invalid_body', message: 'The body must be a JSON object.' };
  }
  const missing = REQUIRED_FIELDS.find((name) => typeof body[name] !== 'string' || body[name] === '');
  if (missing) return missingField(missing, settings);
  if (body['partner_id'] !== settings.partnerId || !settings.apiKeys.some((key) => key === body['api_key'])) {
    return { status: 401, code: 'invalid_credentials', message: 'Unknown partner id or API key.' };
  }
  if (settings.partnerDisabled) {
    return { status: 403, code: 'partner_disabled', message: 'This partner is disabled.' };
  }
  const announced = settings.announcedTokenTtlSeconds;
  return jsonResponse(settings.loginStatus, {
    ...TOKEN_FIELDS[settings.loginToken](issue()),
    ...(announced !== null && { expires_in: announced }),
  });
}

function missingField(name: string, settings: KigoSettings): HttpResponse | KigoError {
  if (settings.missingFieldStatus === 422) {
    return textResponse(
      422,
      `Failed to deserialize the JSON body into the target type: missing field \`${name}\``,
    );
  }
  return { status: 400, code: 'missing_field', message: `${name} is required.` };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
