import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import { SCOPES } from '../config/parsers.js';
import { VERSION } from '../config/version.js';
import { CurrencyIssuedEventDto, TestEventDto } from '../delivery/deliveries.dto.js';
import { OPENAPI_WEBHOOKS } from '../delivery/webhook-openapi.js';
import { problemTable } from '../problem/api-problems.decorator.js';
import { REQUEST_ID_PATTERN } from './request-id.js';

/** Describes the API from its controllers and DTOs. It needs what the compiler plugin adds to them: only `nest build` runs that. */
export function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Rewards Gateway')
    .setDescription(
      'Look up accounts and hub summaries of Kigo, start sessions and report moments to Kiip, read the ledger of the rewards that ' +
        'Kiip issued, and manage their delivery to your webhooks.\n\n' +
        'Send an API key or token as `Authorization: Bearer <credential>`. `RateLimit` says how many requests of this minute are ' +
        'left. A body has at most 1 MiB and 1,000 values. Unknown query parameters and properties are refused by name. Every response has an `X-Request-Id`: your own if it is well formed, ' +
        'otherwise a new one.\n\n' +
        'Every error is a problem (RFC 9457). Unknown paths get `not-found`; other methods of a known path get ' +
        `\`method-not-allowed\` and \`Allow\`.\n\n${problemTable()}`,
    )
    .setVersion(VERSION)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('./')
    .addBearerAuth(
      {
        type: 'http',
        bearerFormat: 'API key or JWT',
        description:
          'An API key, or a token of the configured issuer. If the operator gives scopes to callers, each operation requires the ' +
          `scope that it names (\`${SCOPES.join('`, `')}\`), and the response without it is \`403\`. While the keys of the token ` +
          'issuer are unavailable, it is `503` with `Retry-After`.',
      },
      'caller',
    )
    .addGlobalParameters({
      name: 'X-Request-Id',
      in: 'header',
      required: false,
      description:
        'Identifies the request in the log and in problems. If it is missing or malformed, a new one is used.',
      schema: { type: 'string', pattern: REQUEST_ID_PATTERN },
    })
    .addSecurityRequirements('caller')
    .build();
  const document = SwaggerModule.createDocument(app, options, {
    extraModels: [CurrencyIssuedEventDto, TestEventDto],
  });
  return { ...document, webhooks: OPENAPI_WEBHOOKS };
}
