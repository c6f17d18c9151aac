import type { FastifyInstance } from 'fastify';
import type { CallerAuth } from './caller-auth.js';

/** Guards run when the body has been read. Strangers are not to make us read and parse a megabyte, nor to learn what we think of it. */
export function readBodiesOfCallersOnly(instance: FastifyInstance, auth: CallerAuth): void {
  instance.addHook('preParsing', async (request) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    const hasBody = length !== undefined || encoding !== undefined;
    if (hasBody && request.routeOptions.url?.startsWith('/api/')) await auth.authenticate(request);
  });
}
