import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ExternalUserDto } from '../accounts/account.dto.js';
import type { AnswerCounters } from '../accounts/answer-counters.js';
import { cacheHeaders } from '../cache/cache-headers.js';
import { accepts } from '../validation/accepts.js';
import type { HubSummaryService } from './hub-summary.service.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route answers with a count from memory before Nest handles the request. */
    warmCount?: true;
  }
}

/**
 * Answers a valid request for a count that lies in memory at once, as the controller would: most requests are such, and the guards, pipes
 * and promises of Nest take longer than the answer. All others go on to the controller, with nothing counted. Authentication has run
 * before.
 */
export function registerWarmCounts(
  instance: FastifyInstance,
  summaries: HubSummaryService,
  answers: AnswerCounters,
  limit: { takeNow: (request: FastifyRequest, reply: FastifyReply) => boolean },
): void {
  instance.addHook('preValidation', (request, reply, done) => {
    const { query, headers, routeOptions } = request;
    if (!routeOptions.config.warmCount || !request.authorized || headers['cache-control'] !== undefined)
      return done();
    const isValid = accepts(query as object, ExternalUserDto);
    const count = isValid ? summaries.findWarmCount(query as ExternalUserDto) : undefined;
    if (count === undefined || !limit.takeNow(request, reply)) return done();
    summaries.countWarm();
    answers.countOk('unviewed-count');
    void reply.headers(cacheHeaders(count)).send({ count: count.value });
  });
}
