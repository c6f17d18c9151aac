import { jsonResponse } from '../server/http-response.js';
import type { HttpResponse } from '../server/http-response.js';

/** Kigo's documented error body. */
export interface KigoError {
  status: number;
  code: string;
  message: string;
  headers?: Record<string, string>;
}

const PLAIN: Record<number, [code: string, message: string]> = {
  404: ['not_found', 'There is nothing here.'],
  413: ['payload_too_large', 'The request body is too large.'],
  429: ['too_many_requests', 'Too many requests. Try again later.'],
  500: ['internal_error', 'Something went wrong. Please try again.'],
  503: ['unavailable', 'The service is temporarily unavailable.'],
};

/** `{"error_code","error_message"}`; the code is a word, or with `numeric` a number. */
export function kigoError({ status, code, message, headers }: KigoError, numeric: boolean): HttpResponse {
  return jsonResponse(
    status,
    { error_code: numeric ? status * 10 + 1 : code, error_message: message },
    headers,
  );
}

/** The error of a status for which there is nothing special to say. */
export function plainKigoError(status: number): KigoError {
  const [code, message] = PLAIN[status] ?? ['error', `The request failed with status ${status}.`];
  return { status, code, message };
}
