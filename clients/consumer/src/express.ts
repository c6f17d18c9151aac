import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RewardsConsumer } from './consumer.js';
import type { ReceivedBody } from './read-body.js';

interface ParsedRequest extends IncomingMessage {
  body?: unknown;
}

/** A handler for Express, and for any other server of `node:http`. */
export function expressHandler<Tx>(
  consumer: RewardsConsumer<Tx>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const { status, headers, body } = await consumer.receive(request.headers, () => bodyOf(request));
    response.writeHead(status, headers).end(body);
  };
}

/** @throws Error if a parser was there before, and did not leave the bytes */
function bodyOf(request: ParsedRequest): ReceivedBody {
  const { body } = request;
  if (body instanceof Uint8Array) return body;
  if (request.readableDidRead || request.readableEnded)
    throw new Error(
      'A body parser has read the event, and its signature is over the bytes: register expressHandler before express.json(), or express.raw({ type: "*/*" }) for its path.',
    );
  // The response to an event that is too large must still arrive.
  return request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
}
