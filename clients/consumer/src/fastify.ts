import type { Readable } from 'node:stream';
import type { Answer, RewardsConsumer } from './consumer.js';
import type { ReceivedHeaders } from './verify.js';

interface Reply {
  code(status: number): unknown;
  headers(headers: Record<string, string>): unknown;
  send(body: string): unknown;
}

/** What is used of a FastifyInstance. */
export interface FastifyScope {
  removeAllContentTypeParsers(): void;
  addContentTypeParser(
    type: string,
    parser: (
      request: unknown,
      payload: Readable,
      done: (error: Error | null, body?: unknown) => void,
    ) => void,
  ): unknown;
  post(
    path: string,
    handler: (request: { headers: ReceivedHeaders; body: unknown }, reply: Reply) => unknown,
  ): unknown;
}

/** A plugin for Fastify: `app.register(fastifyConsumer(consumer), { prefix: '/events' })`. Parsers of other routes stay as they are. */
export function fastifyConsumer<Tx>(consumer: RewardsConsumer<Tx>): (app: FastifyScope) => Promise<void> {
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_, payload, done) => done(null, payload));
    app.post('/', async (request, reply) => {
      const bytes = (request.body as Readable | null | undefined)?.iterator({ destroyOnReturn: false });
      const answer: Answer = await consumer.receive(request.headers, bytes ?? new Uint8Array());
      reply.code(answer.status);
      reply.headers(answer.headers);
      return reply.send(answer.body);
    });
  };
}
