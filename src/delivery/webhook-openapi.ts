import type { OpenAPIObject } from '@nestjs/swagger';
import { getSchemaPath } from '@nestjs/swagger';
import { CurrencyIssuedEventDto } from './deliveries.dto.js';
import { CURRENCY_ISSUED } from './webhook-event.js';

const headerDoc = (description: string, example: string) => ({
  in: 'header' as const,
  required: true,
  description,
  schema: { type: 'string', example },
});

/** What goes out to consumers, for the API description (OpenAPI 3.1, `webhooks`). */
export const openApiWebhooks: NonNullable<OpenAPIObject['webhooks']> = {
  [CURRENCY_ISSUED]: {
    post: {
      operationId: 'receiveCurrencyIssued',
      summary: 'A ledger row has been accepted: sent to every consumer of DELIVERY_CONSUMERS',
      description:
        'As [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks) has it. Verify the signature over the text that arrived, and remember `webhook-id`: the same event may come more than once, and always bears the same. ' +
        'Any 2xx ends it. Else it comes again after 5 s, then about twice as long each time, up to 12 h apart, for 3 days; `Retry-After` is obeyed, redirects are not followed, an attempt may take 10 s. `410` pauses the consumer.',
      tags: ['Deliveries'],
      security: [],
      parameters: [
        {
          name: 'webhook-id',
          ...headerDoc(
            'The id of the ledger row, the same at every attempt and replay',
            'iss_0190c1d2e3f4000000112233445566aa',
          ),
        },
        {
          name: 'webhook-timestamp',
          ...headerDoc('When this attempt was signed, in seconds since 1970', '1769860800'),
        },
        {
          name: 'webhook-signature',
          ...headerDoc(
            'One for each active secret, separated by spaces',
            'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
          ),
        },
      ],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { $ref: getSchemaPath(CurrencyIssuedEventDto) } } },
      },
      responses: {
        '2XX': { description: 'Taken: it does not come again of itself' },
        '410': { description: 'Nothing more is to be sent here' },
        default: { description: 'Not taken: it comes again' },
      },
    },
  },
};
