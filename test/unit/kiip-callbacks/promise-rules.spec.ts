import { createHash } from 'node:crypto';
import { findPromiseViolation } from '../../../src/kiip-callbacks/promise-rules.js';
import type { CallbackRules } from '../../../src/kiip-callbacks/field-rules.js';
import type { SignatureScheme } from '../../../src/kiip-callbacks/kiip-signature.js';
import type { Promisee } from '../../../src/promised-rewards/callback-context.js';
import { scale } from '../../support/scale.js';
import { everyCut, textOfCut } from './every-cut.js';
import type { Cut } from './every-cut.js';

const CONTENT = '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab';
/** An id in the form of Kiip, always the same for a name. */
const idOf = (name: string) =>
  createHash('sha1')
    .update(name)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
const REFERENCE = 'ku_5CRHW0T2Q9VJ8XB1M4ZP7KAE63';

/** Contents with names: those of the documents, and those whose ends are hard to see. */
const CURRENCIES: readonly (readonly [content: string, name: string])[] = [
  [CONTENT, 'Coins'],
  [CONTENT, 'Gold1'],
  [CONTENT, 'coins'],
  [CONTENT, 'Level 20'],
  ['coins', 'Coins'],
  ['season3', 'Gold'],
  ['coins', 'coins'],
  ['coins1', 'Coins 1'],
  ['Gold', 'Münzen 金 7'],
];
const USERS = [REFERENCE, 'alice', '0alice', '5001', '001', '7', 'user+1@example.com', 'devtest_', 'dev'];
const QUANTITIES = ['5', '20', '25', '120', '100', '305'];
const SCHEMES: readonly SignatureScheme[] = ['redemption', 'issuance', 'legacy-redemption'];

interface Case {
  readonly rules: CallbackRules;
  readonly genuine: Cut;
  /** Transactions and the users that they were promised to. */
  readonly promises: ReadonlyMap<string, readonly Promisee[]>;
  readonly isQuantityPromised: boolean;
}

function promisee(kiipUserId: string, quantity: string | undefined): Promisee {
  return { kiipUserId, userId: kiipUserId, kind: 'view_id', quantity, isTest: false };
}

/** What the gateway credits with KIIP_UNKNOWN_REWARDS=quarantine: a transaction that was not promised is never credited. */
function isCredited({ scheme, fields }: Cut, { rules, promises }: Case): boolean {
  if (scheme === 'legacy-redemption' && !rules.legacySignature) return false;
  const promisees = promises.get(fields.transaction_id);
  return promisees !== undefined && findPromiseViolation(scheme, fields, promisees, rules) === undefined;
}

function creditedCuts(each: Case): Cut[] {
  return [...everyCut(textOfCut(each.genuine), [...each.promises.keys()])].filter((cut) =>
    isCredited(cut, each),
  );
}

const money = ({ fields: { user_id, quantity, transaction_id } }: Cut) =>
  JSON.stringify([user_id, quantity, transaction_id]);

function genuineOf(scheme: SignatureScheme, fields: Omit<Cut['fields'], 'nonce' | 'origin'>): Cut {
  const { name, ...common } = fields;
  if (scheme === 'issuance') return { scheme, fields: { ...common, nonce: 'n-0001', origin: 'survey' } };
  return { scheme, fields: scheme === 'redemption' ? { ...common, name } : common };
}

/** Each user's own transaction, by the promised quantity. */
const PROMISES = new Map(
  [...QUANTITIES, undefined].map((quantity) => [
    quantity,
    new Map(
      USERS.flatMap((user) =>
        [idOf(user), `test_${idOf(user)}`].map((id) => [id, [promisee(user, quantity)]] as const),
      ),
    ),
  ]),
);

/** Every combination, with the switches in every position. */
function* promisedCases(): Generator<Case> {
  for (const legacySignature of [false, true])
    for (const scheme of SCHEMES)
      for (const [content, name] of CURRENCIES)
        for (const limits of [undefined, {}, { max_quantity: 1_000 }, { quantities: QUANTITIES.map(Number) }])
          for (const user_id of USERS)
            for (const quantity of QUANTITIES)
              for (const isQuantityPromised of [true, false]) {
                if (scheme === 'legacy-redemption' && !legacySignature) continue;
                const rules: CallbackRules = {
                  legacySignature,
                  userReference: user_id === REFERENCE ? 'opaque' : 'plain',
                  currencies: limits && { [content]: { name, ...limits } },
                };
                const promises = PROMISES.get(isQuantityPromised ? quantity : undefined)!;
                const genuine = genuineOf(scheme, {
                  content,
                  name,
                  quantity,
                  user_id,
                  transaction_id: idOf(user_id),
                });
                yield { rules, genuine, promises, isQuantityPromised };
              }
}

const PROMISED_CASES = [...promisedCases()];
const PROMISED = idOf('promised');
/** User ids that look like another field. Anybody who has the app key can make Kiip sign them. */
const STRANGE_USERS = [REFERENCE, 'alice'].flatMap((user) =>
  ['', '9999999', '0', '5'].flatMap((digits) =>
    [
      '',
      PROMISED,
      `x${PROMISED}`,
      `${PROMISED}7`,
      `test_${PROMISED}`,
      `test_${PROMISED}n-1`,
      'test_',
      `${PROMISED}n-1survey`,
    ].map((rest) => [user, digits + user + rest] as const),
  ),
);

/** A reward that none of our moments returned, for a user whose own reward was promised. */
function strangerCase({ rules, genuine, isQuantityPromised }: Case, index: number): Case {
  const [user, user_id] = STRANGE_USERS[index % STRANGE_USERS.length]!;
  const promised = [promisee(user, isQuantityPromised ? genuine.fields.quantity : undefined)];
  return {
    rules: { ...rules, userReference: user === REFERENCE ? 'opaque' : 'plain' },
    genuine: genuineOf(genuine.scheme, { ...genuine.fields, user_id, transaction_id: idOf('of-a-stranger') }),
    promises: new Map([PROMISED, `test_${PROMISED}`].map((id) => [id, promised])),
    isQuantityPromised,
  };
}

/** Evenly spread over all, and the same in each run. The step has no divisor in common with the switches. */
function sample(count: number): Case[] {
  const step = Math.max(1, Math.floor(PROMISED_CASES.length / count)) | 1;
  return PROMISED_CASES.filter((_, index) => index % step === 0);
}

/** Whether a number that begins later in the quantity may be the genuine one: then the name or the content ends in digits. */
const hasShorterQuantity = ({ fields: { quantity } }: Cut) => /^[0-9]+[1-9]/.test(quantity);

/** Whether the fields can be told from the signed text, where the promise tells user and transaction, and maybe the quantity. */
function isClear({ genuine, rules, isQuantityPromised }: Case): boolean {
  const { scheme, fields } = genuine;
  const isDocumented = fields.content === CONTENT || fields.content === 'coins';
  if (rules.currencies !== undefined) return true;
  if (isQuantityPromised) return isDocumented || scheme !== 'legacy-redemption';
  const isUsualName = fields.name === undefined || fields.name === 'Coins';
  if (!isDocumented || !isUsualName) return false;
  return !hasShorterQuantity(genuine) || (fields.content === CONTENT && scheme !== 'redemption');
}

describe('with every cut of what Kiip signed', () => {
  it('credits nothing but the user, quantity and transaction that were signed and promised', () => {
    for (const each of sample(scale(250, 6_000)))
      for (const cut of creditedCuts(each)) expect([each, money(cut)]).toEqual([each, money(each.genuine)]);
  });

  it('credits every genuine callback of a promised reward, unless its quantity was not promised and is not clear', () => {
    const kept = PROMISED_CASES.filter((each) => isClear(each) && !isCredited(each.genuine, each));
    expect(kept.slice(0, 3)).toEqual([]);
  });

  it('credits nothing that a stranger has asked for', () => {
    for (const [index, promised] of sample(scale(90, 6_000)).entries()) {
      const each = strangerCase(promised, index);
      expect([each, creditedCuts(each)]).toEqual([each, []]);
    }
  });

  it('credits no quantity with one more digit than promised', () => {
    const each = PROMISED_CASES.find(({ isQuantityPromised }) => isQuantityPromised)!;
    const longer = { ...each.genuine.fields, quantity: `${each.genuine.fields.quantity}5` };
    expect(isCredited({ ...each.genuine, fields: longer }, each)).toBe(false);
  });
});
