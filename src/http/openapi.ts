import { readFileSync } from 'node:fs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { RouteOptions, onRequestHookHandler } from 'fastify';
import { CurrencyIssuedEventDto } from '../delivery/deliveries.dto.js';
import { openApiWebhooks } from '../delivery/webhook-openapi.js';
import { problemTable } from '../problem/api-problems.decorator.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Swagger UI sets styles from its scripts; it needs nothing else that is not a file of ours. */
const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const setPageHeaders: onRequestHookHandler = (_request, reply, done) => {
  reply.headers(PAGE_HEADERS);
  done();
};

/** Swagger renders a document anew for every request, for tens of milliseconds, and anybody may ask for it. */
function renderOnce(route: RouteOptions): void {
  let rendered: { type: unknown; text: string } | undefined;
  route.preHandler = (_request, reply, done) => {
    if (rendered) void reply.header('content-type', rendered.type).send(rendered.text);
    else done();
  };
  route.onSend = (_request, reply, text, done) => {
    if (typeof text === 'string' && reply.statusCode === 200)
      rendered ??= { type: reply.getHeader('content-type'), text };
    done(null, text);
  };
}

/** Serves the description of the API: `/docs`, `/openapi.json`, `/openapi.yaml`. */
export function registerOpenApi(app: NestFastifyApplication): void {
  const instance = app.getHttpAdapter().getInstance();
  instance.addHook('onRoute', (route) => {
    if (!/^\/(docs|openapi\.)/.test(route.url)) return;
    route.onRequest = [setPageHeaders, ...[route.onRequest ?? []].flat()];
    if (route.method === 'GET' && route.url.startsWith('/openapi.')) renderOnce(route);
  });
  const describe = (): OpenAPIObject => {
    const options = new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle('Rewards Gateway')
      .setDescription(
        'One API for Kigo, the loyalty hub, and Kiip, the rewards network. Every error is a problem (RFC 9457). ' +
          'Every answer bears `X-Request-Id`: the caller’s own, if well formed, else one of ours. ' +
          'A body has at most 1 MiB and 1,000 values. ' +
          'Calls are limited by the minute: `RateLimit` tells how many are left, and until when. ' +
          'Any path that is not described here is answered with `not-found`, any other method with `method-not-allowed` ' +
          `and \`Allow\`.\n\n${problemTable()}`,
      )
      .setVersion(version)
      .setLicense('MIT', 'https://opensource.org/license/mit')
      .addServer('/')
      .addBearerAuth(
        {
          type: 'http',
          bearerFormat: 'API key or JWT',
          description:
            'An API key, or a token of the configured issuer. Where the operator gives callers scopes, an operation needs the one ' +
            'that it names: `kigo:read`, `kiip:write`, `ledger:read`, `ledger:decide` or `deliveries:manage`; without it the answer ' +
            'is `403`. While the keys of the token issuer cannot be read, it is `503` with `Retry-After`.',
        },
        'caller',
      )
      .addGlobalParameters({
        name: 'X-Request-Id',
        in: 'header',
        required: false,
        description:
          'Names the request in the log and in problems. Without it, or when ill formed, one is made.',
        schema: { type: 'string', pattern: '^[\\w.:-]{1,128}$' },
      })
      .addSecurityRequirements('caller')
      .build();
    const document = SwaggerModule.createDocument(app, options, { extraModels: [CurrencyIssuedEventDto] });
    return { ...document, webhooks: openApiWebhooks };
  };
  SwaggerModule.setup('docs', app, describe, {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Rewards Gateway',
  });
}
