import type { FastifyInstance } from 'fastify';
import { notFound } from '../problem/problem-catalogue.js';
import { sendProblem } from '../problem/send-problem.js';
import { routeOf } from './method-not-allowed.js';

/** Hides every route but the operational ones: a worker delivers, and is only probed and measured. */
export function hideOtherThanOperationalRoutes(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    if (routeOf(request).config.kind === 'operational') done();
    else sendProblem(reply, notFound());
  });
}
