import { Refusal } from './outcomes.js';

/** The bytes as they arrived, at once or in parts. */
export type ReceivedBody = Uint8Array | AsyncIterable<Uint8Array>;

/** The gateway waits no longer for an answer. */
const TIMEOUT_MS = 10_000;

/** @throws Refusal 413 beyond the limit, 408 if it takes too long, 400 if the sender went away */
export async function readBody(body: ReceivedBody, limit: number): Promise<string> {
  const bytes = body instanceof Uint8Array ? body : await inTime(collect(body, limit));
  if (bytes.length > limit)
    throw new Refusal(413, `The event has more than ${limit} bytes: raise bodyLimit.`);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

async function inTime(bytes: Promise<Uint8Array>): Promise<Uint8Array> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Refusal(408, 'The event did not arrive in time.')), TIMEOUT_MS);
  });
  return Promise.race([bytes, late]).finally(() => clearTimeout(timer));
}

async function collect(body: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > limit) break;
    }
  } catch (cause) {
    throw new Refusal(400, 'The event did not arrive whole.', { cause });
  }
  return Buffer.concat(chunks);
}
