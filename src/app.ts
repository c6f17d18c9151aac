import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Logger as NestLog } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import { CallerAuthService } from './caller-auth/caller-auth.service.js';
import { registerAuthHooks } from './caller-auth/authenticate.hook.js';
import type { Config } from './config/config.js';
import { DeliveryWorker } from './delivery/delivery-worker.js';
import { ConnectionDrain } from './http/connection-drain.js';
import { LifecycleService } from './health/lifecycle.js';
import { registerBodyParsers } from './http/body-parsers.js';
import { parseQueryString } from './http/query-string.js';
import { NestLogger } from './log/logger.js';
import { CLIENT_CLOSED_REQUEST, onClientAbort } from './http/client-abort.js';
import { requestContext } from './log/request-context.js';
import { RequestMetrics } from './metrics/request-metrics.js';
import { registerOpenApi } from './http/openapi.js';
import { handleClientError, answerOddHeaders } from './http/client-errors.js';
import { registerMethodNotAllowed } from './http/method-not-allowed.js';
import { sendProblem } from './problem/send-problem.js';
import { registerRequestTracing } from './http/request-tracing.js';
import { notFound, toProblem } from './problem/to-problem.js';

const BODY_LIMIT = 1024 * 1024;
/** All of a request but its body: the URL as well. */
const HEADER_LIMIT = 16 * 1024;
const MAX_CONNECTIONS = 10_000;
/** How long a client may still send on a connection that is open but idle. */
const IDLE_DRAIN_MS = 1_000;

/** Builds the application, the same for production and tests: routes, limits, errors, log. It does not listen yet. */
export async function createApp(config: Config, logger: Logger): Promise<NestFastifyApplication> {
  let metrics: RequestMetrics | undefined;
  const logRequest = (request: FastifyRequest, reply: FastifyReply, status = reply.statusCode) => {
    const { method, routeOptions, caller, problem } = request;
    const durationMs = Math.round(reply.elapsedTime * 100) / 100;
    const facts = { method, route: routeOptions.url, status, durationMs, caller, problem };
    logger.info({ msg: 'request', ...facts });
    metrics?.count(facts);
  };
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    // Anybody can claim an address in X-Forwarded-For; only these proxies are believed.
    trustProxy: config.trustedProxyHops > 0 && ((_, hop) => hop < config.trustedProxyHops),
    // As long as Node lets a URL be: too long an id is to be a 400 that names it.
    routerOptions: { maxParamLength: HEADER_LIMIT, querystringParser: parseQueryString },
    http: {
      maxHeaderSize: HEADER_LIMIT,
      headersTimeout: 10_000,
      // Node looks for late requests every 30 s by itself.
      connectionsCheckingInterval: 1_000,
      // Node's own refusal has no body: answerOddHeaders has one.
      requireHostHeader: false,
    },
    requestTimeout: 30_000,
    // Nothing moves: the client does not take its answer. Our own answers are never as late as that.
    connectionTimeout: 60_000 + Math.ceil(config.upstreamDeadlineMs),
    // Longer than load balancers keep theirs: the side that opens requests is to be the side that closes.
    keepAliveTimeout: 75_000,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    genReqId: (request: { headers: Record<string, string | string[] | undefined> }) =>
      resolveRequestId(request.headers['x-request-id']),
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      sendProblem(reply, toProblem(error));
      // No hook runs for these.
      requestContext.run({ requestId: request.id }, () => logRequest(request, reply));
    },
    clientErrorHandler: handleClientError,
  });
  const instance = adapter.getInstance();
  // More are hung up on: each costs memory, whatever it sends.
  instance.server.maxConnections = MAX_CONNECTIONS;
  registerBodyParsers(instance);
  instance.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    const within = { requestId: request.id };
    onClientAbort(reply, () =>
      requestContext.run(within, () => logRequest(request, reply, CLIENT_CLOSED_REQUEST)),
    );
    requestContext.run(within, done);
  });
  instance.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
    done();
  });
  if (config.otelEndpoint !== undefined) registerRequestTracing(instance);
  answerOddHeaders(instance);
  const addMethodNotAllowedRoutes = registerMethodNotAllowed(instance);
  if (config.role === 'worker') restrictToOperationalRoutes(instance);
  // Before the modules are made: what they have to tell is to be in our log as well.
  NestLog.overrideLogger(new NestLogger(logger));
  const app = await NestFactory.create<NestFastifyApplication>(await AppModule.forRoot(config), adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  metrics = app.get(RequestMetrics);
  registerAuthHooks(instance, app.get(CallerAuthService));
  registerOpenApi(app);
  await app.init();
  // Some routes come from plugins, which are loaded now.
  await instance.after();
  addMethodNotAllowedRoutes();
  return app;
}

/**
 * To be asked for before the app listens.
 * @returns what sees the last requests out, for half of this time at most, and closes the app
 */
export function createShutdown(app: NestFastifyApplication): (graceMs: number) => Promise<void> {
  const drain = new ConnectionDrain(app.getHttpServer());
  return async (graceMs) => {
    app.get(LifecycleService).draining = true;
    // Nothing new is claimed from now on; others take over.
    const deliveries = app.get(DeliveryWorker).stop();
    await drain.drain(Math.min(IDLE_DRAIN_MS, graceMs / 4), graceMs / 2);
    await deliveries;
    // The server first, and what it still answers: app.close() alone would disconnect the stores before.
    await app.getHttpAdapter().close();
    await app.close();
  };
}

/** A worker delivers: it is probed and measured, and not called. */
function restrictToOperationalRoutes(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    if (/^\/(health|metrics)/.test(request.routeOptions.url ?? '')) done();
    else sendProblem(reply, notFound());
  });
}

/** A caller's own id is kept if it can do no harm in a log or a header. */
function resolveRequestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}
