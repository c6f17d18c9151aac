import type { OpenAPIObject } from '@nestjs/swagger';
import { getSchemaPath } from '@nestjs/swagger';
import { ISSUANCE_EXAMPLE } from '../ledger/issuances.dto.js';
import { CurrencyIssuedEventDto, TestEventDto } from './deliveries.dto.js';
import { CURRENCY_ISSUED, TEST_EVENT } from './webhook-event.js';

const headerDoc = (description: string, example: string) => ({
  in: 'header' as const,
  required: true,
  description,
  schema: { type: 'string', example },
});

const HEADERS = [
  {
    name: 'webhook-id',
    ...headerDoc(
      'The id of the ledger row, the same for every attempt and replay; `test_…` for a test',
      'iss_0190c1d2e3f4000000112233445566aa',
    ),
  },
  {
    name: 'webhook-timestamp',
    ...headerDoc('When this attempt was signed, in seconds since the Unix epoch', '1769860800'),
  },
  {
    name: 'webhook-signature',
    ...headerDoc(
      'One signature for each active secret, separated by spaces',
      'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
    ),
  },
];

/** The webhooks that consumers receive, for the API description (OpenAPI 3.1). */
export const OPENAPI_WEBHOOKS: NonNullable<OpenAPIObject['webhooks']> = {
  [CURRENCY_ISSUED]: {
    post: {
      operationId: 'receiveCurrencyIssued',
      summary: 'Sent to every consumer in DELIVERY_CONSUMERS when a ledger row is accepted',
      description:
        'Follows [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks). Verify the signature over the raw body, and store `webhook-id`: the same event may arrive more than once, always with the same id. ' +
        'Any 2xx completes the delivery. Otherwise it is retried after 5 s, then about twice as long each time, at most 12 h apart, for 3 days. `Retry-After` is obeyed, redirects are not followed, and an attempt may take 10 s. `410` pauses the consumer.',
      tags: ['Deliveries'],
      security: [],
      parameters: HEADERS,
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: { $ref: getSchemaPath(CurrencyIssuedEventDto) },
            example: {
              type: CURRENCY_ISSUED,
              timestamp: ISSUANCE_EXAMPLE.received_at,
              data: ISSUANCE_EXAMPLE,
            },
          },
        },
      },
      responses: {
        '2XX': { description: 'Accepted: the event is not sent again, except by a manual retry or replay' },
        '410': { description: 'Gone: the consumer is paused' },
        default: { description: 'Not accepted: the event is sent again' },
      },
    },
  },
  [TEST_EVENT]: {
    post: {
      operationId: 'receiveTest',
      summary: 'Sent once when a caller asks for a test',
      description:
        'It is about nothing: verify the signature, and respond with any 2xx. Do the same for every other type that you do not know.',
      tags: ['Deliveries'],
      security: [],
      parameters: HEADERS,
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: { $ref: getSchemaPath(TestEventDto) },
            example: { type: TEST_EVENT, timestamp: ISSUANCE_EXAMPLE.received_at, data: {} },
          },
        },
      },
      responses: { default: { description: 'The caller gets the status' } },
    },
  },
};
