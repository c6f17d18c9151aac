import { isQuantity } from '../ledger/quantity.js';
import type { PromisedId, PromisedReward } from '../promised-rewards/promised-rewards.service.js';
import { isRecord } from './reward.js';

const MAX_ID_LENGTH = 256;
/** The documented URLs have two ids in their path. */
const MAX_IDS_OF_URL = 8;
const TEST_PREFIX = 'test_';
const ID_IN_PATH = /^(?:test_)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** What a moment's response promises to the user of the moment. */
type Promised = Pick<PromisedReward, 'ids' | 'quantity' | 'isTest' | 'currencyReward'>;

/**
 * Reads what callbacks for the reward of a moment are held against. Kiip does not say which id a callback names, so every id
 * that it may name is kept: `view.id` with and without `test_`, and the ids in the path of the reward's page.
 * `view.virtual.virtual_value` is not documented: a production client gets a number there (docs/vendors/kiip.md, 4), so a number or
 * a string is accepted. A value that no callback can have promises no quantity.
 * @param testMode whether the moment was sent with `test`: Kiip then returns test rewards only
 */
export function readPromise(response: Readonly<Record<string, unknown>>, testMode: boolean): Promised {
  const view = isRecord(response['view']) ? response['view'] : {};
  const modal = isRecord(view['modal']) ? view['modal'] : {};
  const virtual = isRecord(view['virtual']) ? view['virtual'] : {};
  const viewId = asId(view['id']);
  const value = asText(virtual['virtual_value']);
  return {
    ids: [...new Map(idsOf(viewId, modal['body_url']).map((each) => [each.id, each])).values()],
    quantity: value !== undefined && isQuantity(value) ? value : undefined,
    isTest: testMode || viewId?.startsWith(TEST_PREFIX) === true,
    currencyReward:
      // Without a page there is nothing to redeem.
      viewId === undefined || value === undefined || (modal['body_url'] ?? '') === ''
        ? undefined
        : { rewardId: viewId, virtualValue: value },
  };
}

/** Last the most certain one: of two equal ids, it is kept. */
function idsOf(viewId: string | undefined, bodyUrl: unknown): PromisedId[] {
  const url = typeof bodyUrl === 'string' ? URL.parse(bodyUrl) : null;
  const inPath = (url?.pathname.split('/') ?? []).filter((segment) => ID_IN_PATH.test(segment));
  const ofUrl = inPath.slice(0, MAX_IDS_OF_URL).map((id) => ({ id, kind: 'body_url' as const }));
  if (viewId === undefined) return ofUrl;
  return [
    ...ofUrl,
    { id: withOtherPrefix(viewId), kind: 'view_id_prefix' as const },
    { id: viewId, kind: 'view_id' as const },
  ];
}

function withOtherPrefix(id: string): string {
  return id.startsWith(TEST_PREFIX) ? id.slice(TEST_PREFIX.length) : TEST_PREFIX + id;
}

function asId(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH ? value : undefined;
}

function asText(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return String(value).slice(0, MAX_ID_LENGTH);
}
