import { membersOf } from './callback-receiver.js';
import { formOf, redemption, sign } from './kiip.js';
import type { Fields } from './kiip.js';
import type { Draw } from './random-draw.js';
import type { RawOptions } from './raw-call.js';
import type { SignedCallback } from './traffic-world.js';

const form = 'application/x-www-form-urlencoded';
const json = 'application/json';

/** A request to the port for callbacks. */
export interface HostileRequest extends RawOptions {
  /** Whether the signature verifies: then it must be answered with 200. If not, it must be refused. */
  readonly verifies?: boolean;
}

/** The same signed text with a boundary between two neighbouring fields moved by some characters, so that the signature holds. */
export function recut({ body, contentType }: SignedCallback, draw: Draw): string {
  const fields = membersOf(body);
  const order = ['content', 'name', 'quantity', 'user_id', 'transaction_id', 'nonce', 'origin'].filter(
    (name) => name in fields,
  );
  const at = draw.below(order.length - 1);
  const [left, right] = [order[at]!, order[at + 1]!];
  // By code points: half of a character is none.
  const text = Array.from(`${String(fields[left])}${String(fields[right])}`);
  const boundary = Array.from(String(fields[left])).length;
  const near = boundary + (draw.chance(0.5) ? 1 : -1) * (1 + draw.below(5));
  const moved = Math.min(Math.max(near, 1), text.length - 1);
  // A field of one character cannot give it.
  const cut = moved === boundary ? boundary + (boundary > 1 ? -1 : 1) : moved;
  const other = {
    ...fields,
    [left]: text.slice(0, cut).join(''),
    [right]: text.slice(cut).join(''),
  } as Fields;
  return contentType.startsWith(form) ? formOf(other) : JSON.stringify(other);
}

const forged = (draw: Draw): Fields =>
  redemption({ signature: draw.hex(40), user_id: `ku_${'0'.repeat(26)}`, transaction_id: uuid(draw) });
const uuid = (draw: Draw) => [8, 4, 4, 4, 12].map((digits) => draw.hex(digits)).join('-');
const post = (body: string | Uint8Array, type = json): RawOptions => ({
  method: 'POST',
  headers: { 'content-type': type },
  body,
});
const text = (draw: Draw) => JSON.stringify(forged(draw));

/** Callbacks that Kiip did not send, by kind; each is made with a callback that it did send. */
export const HOSTILE_CALLBACKS: Record<string, (draw: Draw, signed: SignedCallback) => HostileRequest> = {
  'a replay': (_, { body, contentType }) => ({ ...post(body, contentType), verifies: true }),
  'a re-cut': (draw, signed) => ({ ...post(recut(signed, draw), signed.contentType), verifies: true }),
  'another signature': (draw) => post(text(draw)),
  'another secret': (draw, { body }) =>
    post(formOf(redemption({ ...membersOf(body), signature: sign([draw.hex(8)], draw.hex(8)) })), form),
  'another user': (draw, { body }) =>
    post(JSON.stringify({ ...membersOf(body), user_id: `ku_${draw.hex(26).toUpperCase()}` })),
  'a larger quantity': (draw, { body }) =>
    post(JSON.stringify({ ...membersOf(body), quantity: 10_000 + draw.below(1_000_000) })),
  'no signature': (_, { body }) => post(JSON.stringify({ ...membersOf(body), signature: undefined })),
  'too large': (draw, { body }) => post(`${' '.repeat(16_400 + draw.below(200_000))}${body}`),
  'another media type': (draw) =>
    post(
      text(draw),
      draw.pick(['text/plain', 'multipart/form-data; boundary=x', 'application/xml', '', 'é']),
    ),
  'a content coding': (draw) => ({
    ...post(text(draw)),
    headers: {
      'content-type': json,
      'content-encoding': draw.pick(['gzip', 'br', 'identity, x', 'deflate']),
    },
  }),
  'another method': (draw) => ({
    ...post(text(draw)),
    method: draw.pick(['PUT', 'PATCH', 'DELETE', 'QUERY']),
  }),
  'another path': (draw) => ({
    ...post(text(draw)),
    path: draw.pick([
      '/',
      '/callbacks',
      '/callbacks/kiip/other',
      '/api/v1/kiip/moments',
      '/health/live',
      '/metrics',
    ]),
  }),
  'an encoded path': (draw) => ({
    ...post(text(draw)),
    path: draw.pick([
      '/callbacks/..%2f..%2fapi/v1/kiip/issuances',
      '/callbacks%2fkiip',
      '/callbacks/./kiip',
      '/callbacks/kiip/%2e%2e/',
      '/callbacks/k%69ip',
      '/callbacks/kiip%00',
      '/callbacks/%ff%fe',
      '/callbacks/%zz',
    ]),
  }),
  'broken JSON': (draw) => {
    const whole = text(draw);
    return post(whole.slice(0, 1 + draw.below(whole.length - 2)));
  },
  'deep JSON': (draw) => post(draw.pick(['[', '{"a":']).repeat(1 + draw.below(3_000))),
  'many members': (draw) =>
    post(`{${Array.from({ length: 50 + draw.below(1_000) }, (_, index) => `"m${index}":0`).join(',')}}`),
  'a member given twice': (draw, { body }) => {
    const members = JSON.stringify(membersOf(body));
    return post(`${members.slice(0, -1)},"${draw.pick(['user_id', 'quantity', 'signature'])}":"1"}`);
  },
  'invalid UTF-8': (draw) =>
    post(Buffer.concat([Buffer.from('{"user_id":"'), draw.bytes(8), Buffer.from([0xff, 0x22, 0x7d])])),
  'random bytes': (draw) => post(draw.bytes(1 + draw.below(300)), draw.pick([json, form])),
};
