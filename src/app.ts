import 'reflect-metadata';
import { Logger as NestLog } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import { registerAuthHooks } from './caller-auth/authenticate.hook.js';
import { CallerAuthService } from './caller-auth/caller-auth.service.js';
import type { Config } from './config/config.js';
import { ConnectionsService } from './connections/connections.service.js';
import { DeliveryWorker } from './delivery/delivery-worker.js';
import { LifecycleService } from './health/lifecycle.service.js';
import { registerAccessLog } from './http/access-log.js';
import { registerBodyParsers } from './http/body-parsers.js';
import { ignoreUnknownExpect, rejectInvalidHost } from './http/client-errors.js';
import { CLIENT_CLOSED_REQUEST } from './http/client-abort.js';
import { registerConnectionDrain } from './http/connection-drain.js';
import { registerConsole } from './http/console.js';
import { registerDirectAnswers } from './http/direct-answers.js';
import { createFastifyAdapter } from './http/fastify-adapter.js';
import { registerForwardedFor } from './http/forwarded-for.js';
import { registerListeners } from './http/listeners.js';
import { registerKnownPaths, registerMethodNotAllowed } from './http/method-not-allowed.js';
import { registerOpenApi } from './http/openapi.js';
import { hideOtherThanOperationalRoutes } from './http/operational-routes.js';
import { registerRequestBodyRules } from './http/request-body.js';
import { registerRequestId } from './http/request-id.js';
import { rejectAmbiguousPaths } from './http/request-path.js';
import { registerRequestTracing } from './http/request-tracing.js';
import { CallbackCounters } from './kiip-callbacks/callback-counters.js';
import { countRejectedCallback } from './kiip-callbacks/callback-outcome.js';
import { WarmCountsService } from './hub-summary/warm-counts.service.js';
import { NestLogger } from './log/logger.js';
import { RateLimitGuard } from './rate-limit/rate-limit.guard.js';
import { RequestMetrics } from './metrics/request-metrics.js';

/** Creates the application, the same for production and tests. It does not listen yet. */
export async function createApp(config: Config, logger: Logger): Promise<NestFastifyApplication> {
  const nestLogger = new NestLogger(logger);
  // Before the modules are created, so that their messages are in our log as well.
  NestLog.overrideLogger(nestLogger);
  const app = await NestFactory.create<NestFastifyApplication>(
    await AppModule.forRoot(config),
    createFastifyAdapter(config),
    { logger: nestLogger, bodyParser: false, abortOnError: false },
  );
  registerPlugins(app, config, logger);
  await app.init();
  return app;
}

/**
 * Registers everything that handles a request before Nest does. The order is the order in which the hooks run; it is tested in
 * test/e2e/hook-order.spec.ts.
 */
function registerPlugins(app: NestFastifyApplication, config: Config, logger: Logger): void {
  const instance = app.getHttpAdapter().getInstance();
  const metrics = app.get(RequestMetrics);
  registerKnownPaths(instance);
  registerConnectionDrain(instance);
  registerForwardedFor(instance, config);
  registerRequestId(instance);
  const callbacks = app.get(CallbackCounters);
  registerAccessLog(instance, logger, (completed, request) => {
    metrics.count(completed);
    // One whose client has gone is still recorded, and counted, if it arrived whole.
    if (request && (completed.status !== CLIENT_CLOSED_REQUEST || !request.raw.complete))
      countRejectedCallback(callbacks, request, completed.status);
  });
  rejectInvalidHost(instance);
  rejectAmbiguousPaths(instance);
  registerListeners(instance, config);
  for (const server of instance.servers()) app.get(ConnectionsService).apply(server);
  ignoreUnknownExpect(instance);
  if (config.role === 'worker') hideOtherThanOperationalRoutes(instance);
  registerMethodNotAllowed(instance);
  registerAuthHooks(instance, app.get(CallerAuthService));
  if (config.otelEndpoint !== undefined) registerRequestTracing(instance);
  registerRequestBodyRules(instance);
  registerBodyParsers(instance);
  registerOpenApi(instance);
  if (config.console) registerConsole(instance, config);
  // A worker has no such route, and a trace begins in Fastify.
  if (config.role !== 'worker' && config.otelEndpoint === undefined)
    registerDirectAnswers(instance, config, {
      callers: app.get(CallerAuthService),
      limits: app.get(RateLimitGuard),
      answers: app.get(WarmCountsService),
    });
}

/**
 * Finishes the requests in flight, within half of this time, and closes the application.
 * @param listenMs how long new connections are accepted, and open ones kept for one more request: a load balancer needs a moment to
 *   notice, and a client that sends a request on a connection which is being closed cannot know whether it arrived
 */
export async function shutDown(
  app: NestFastifyApplication,
  graceMs: number,
  listenMs: number,
): Promise<void> {
  app.get(LifecycleService).startDraining();
  // No further deliveries are started here; other workers take over.
  const deliveries = app.get(DeliveryWorker).stop();
  const instance = app.getHttpAdapter().getInstance();
  await instance.drain(listenMs, graceMs / 2);
  await deliveries;
  // The servers and their last responses first: app.close() alone would disconnect the stores before.
  await Promise.all([instance.closeBesides(), app.getHttpAdapter().close()]);
  await app.close();
}
