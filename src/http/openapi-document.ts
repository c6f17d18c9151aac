import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { SCOPES } from '../config/parsers.js';
import { VERSION } from '../config/version.js';
import { CurrencyIssuedEventDto, TestEventDto } from '../delivery/deliveries.dto.js';
import { OPENAPI_WEBHOOKS } from '../delivery/webhook-openapi.js';
import { problemTable } from '../problem/api-problems.decorator.js';
import { shareComponents } from './openapi-components.js';
import type { Document } from './openapi-components.js';
import { GUIDES } from './openapi-guides.js';
import { refineSchemas } from './openapi-schemas.js';
import { REQUEST_ID_PATTERN } from './request-id.js';

const TAGS = {
  Kigo: 'Accounts, hub summaries, and the numbers of notification badges.',
  Kiip: 'Sessions of apps, and the moments that Kiip may reward.',
  'Kiip ledger': 'What Kiip issued: entries, balances, decisions and reconciliation.',
  Deliveries: 'Ledger entries on their way to your consumers, as signed webhooks.',
  Audit: 'Who decided what.',
  Callers: 'Who you are.',
  'Kiip callbacks': 'Where Kiip reports what it issued. The signature is the credential.',
  Health: 'Probes, and the state of everything that the gateway uses.',
  Operations: 'Metrics.',
};

/** Describes the API from its controllers and DTOs. It needs what the compiler plugin adds to them: only `nest build` runs that. */
export function describeApi(app: NestFastifyApplication): Document {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Rewards Gateway')
    .setDescription(`${GUIDES}\n\n${problemTable()}`)
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
    .addSecurityRequirements('caller');
  for (const [name, description] of Object.entries(TAGS)) builder.addTag(name, description);
  const options = builder.build();
  // Nobody is named: it would be empty.
  delete options.info.contact;
  const document = SwaggerModule.createDocument(app, options, {
    extraModels: [CurrencyIssuedEventDto, TestEventDto],
  });
  const refined = refineSchemas({ ...document, webhooks: OPENAPI_WEBHOOKS });
  shareComponents(refined);
  return refined;
}
