import { LedgerService } from '../../src/ledger/ledger.service.js';
import type { QuarantineCode } from '../../src/database/tables.js';
import type { LedgerEntry } from '../../src/ledger/ledger-entry.js';
import { issuance, redemption } from '../support/callback-facts.js';
import type { Database } from '../../src/database/database.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';

const decision = { caller: 'operations', requestId: 'request-1' };
const recorded = { status: 'recorded' } as const;
const quarantined = (code: QuarantineCode = 'unknown-user') =>
  ({ status: 'quarantined', reason: { code } }) as const;

describe('LedgerService', () => {
  let server: TestDatabase;
  let database: Database;
  let ledger: LedgerService;
  beforeAll(async () => {
    server = await newDatabase();
    database = await server.open();
    ledger = new LedgerService(database);
  }, 60_000);
  beforeEach(() => server.empty());
  afterAll(() => server.drop());

  const jobs = async () => {
    const rows = await database.run((db) => db.selectFrom('delivery_outbox').select('ledger_id').execute());
    return rows.map((row) => row.ledger_id);
  };
  const getEntry = async (id: string): Promise<LedgerEntry> => {
    const entry = await ledger.find(id);
    if (!entry) throw new Error(`${id} is not in the ledger`);
    return entry;
  };

  test('stores a new callback as one entry with one delivery job', async () => {
    const { outcome, id } = await ledger.record(issuance(), recorded);
    expect(outcome).toBe('recorded');
    expect(id).toMatch(/^iss_[0-9a-f]{32}$/);
    expect(await jobs()).toEqual([id]);
    expect(await getEntry(id)).toEqual({
      decision: null,
      id,
      kind: 'issuance',
      status: 'recorded',
      reason: null,
      isTest: false,
      transactionId: '5473ca54-59a5-cf65-d319-c91697297fcc',
      content: 'coins',
      name: null,
      quantity: 20,
      quantityText: '20',
      userId: 'user-123',
      nonce: 'n-0001',
      origin: 'survey',
      receivedAt: new Date('2026-01-02T03:04:05.678Z'),
      resolvedAt: null,
      verification: { signature: issuance().signature, scheme: 'issuance', secretIndex: 1 },
      duplicates: 0,
    });
  });

  test('counts a repeated callback as a duplicate of the first and does not deliver it again', async () => {
    const first = await ledger.record(issuance(), recorded);
    for (let repeat = 0; repeat < 3; repeat += 1) {
      expect(await ledger.record(issuance(), recorded)).toEqual({ outcome: 'duplicate', id: first.id });
    }
    expect((await getEntry(first.id)).duplicates).toBe(3);
    expect(await jobs()).toEqual([first.id]);
  });

  test('reports a repeat signed with another active secret as a duplicate', async () => {
    const first = await ledger.record(issuance(), recorded);
    const again = await ledger.record(issuance({ signature: 'b'.repeat(40), secretIndex: 2 }), recorded);
    expect(again).toEqual({ outcome: 'duplicate', id: first.id });
  });

  test.each([
    [
      'a moved boundary between transaction and nonce',
      { transactionId: `${issuance().transactionId}n`, nonce: '-0001' },
    ],
    ['a moved boundary between quantity and user', { quantity: '2', userId: '0user-123' }],
    ['the fields of a redemption', { kind: 'redemption', nonce: null, origin: null, transactionId: 'any' }],
  ] as const)('quarantines another callback with the same signature: %s', async (_case, other) => {
    const { signature, signedText } = issuance();
    const first = await ledger.record(issuance(), recorded);
    const second = await ledger.record(issuance({ ...other, signature, signedText }), recorded);
    expect(second.outcome).toBe('quarantined');
    expect(await getEntry(second.id)).toMatchObject({
      status: 'quarantined',
      reason: { code: 'same-signature-other-fields' },
    });
    expect(await jobs()).toEqual([first.id]);
  });

  test('quarantines another parse of a signed text that is signed with another secret', async () => {
    await ledger.record(issuance(), recorded);
    const second = await ledger.record(
      issuance({
        transactionId: `${issuance().transactionId}n`,
        nonce: '-0001',
        signature: 'c'.repeat(40),
        signedText: issuance().signedText,
      }),
      recorded,
    );
    expect(await getEntry(second.id)).toMatchObject({
      status: 'quarantined',
      reason: { code: 'same-signature-other-fields' },
    });
  });

  // Two texts have the same signature if one secret ends with the other.
  test('quarantines another signed text with the same signature', async () => {
    await ledger.record(issuance(), recorded);
    const { signature } = issuance();
    const second = await ledger.record(
      issuance({ nonce: 'other', signature, signedText: 'other' }),
      recorded,
    );
    expect(await getEntry(second.id)).toMatchObject({
      status: 'quarantined',
      reason: { code: 'same-signature-other-fields' },
    });
  });

  test.each([
    ['redemption', redemption(), redemption({ quantity: '30' })],
    ['issuance', issuance(), issuance({ origin: 'install' })],
    ['issuance for another user', issuance(), issuance({ userId: 'user-456' })],
  ])('quarantines a callback with the same transaction and other fields: %s', async (_case, one, other) => {
    const first = await ledger.record(one, recorded);
    const second = await ledger.record(other, recorded);
    expect(await getEntry(second.id)).toMatchObject({
      status: 'quarantined',
      reason: { code: 'same-transaction-other-fields' },
    });
    expect(await ledger.record(other, recorded)).toEqual({ outcome: 'duplicate', id: second.id });
    expect(await jobs()).toEqual([first.id]);
  });

  test('records a redemption and its linked issuances with the same transaction', async () => {
    const outcomes = [
      await ledger.record(redemption(), recorded),
      await ledger.record(issuance({ nonce: 'n-0001' }), recorded),
      await ledger.record(issuance({ nonce: 'n-0002' }), recorded),
    ].map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['recorded', 'recorded', 'recorded']);
  });

  test('records one of many concurrent parses of a signed text and quarantines the others', async () => {
    const { signature, signedText } = issuance();
    const parses = Array.from({ length: 25 }, (_, index) =>
      issuance({ transactionId: `t-${index}`, nonce: `n-${index}`, signature, signedText }),
    );
    const another = new LedgerService(await server.open());
    const results = await Promise.all(
      [...parses, ...parses].map((facts, index) => (index % 2 ? ledger : another).record(facts, recorded)),
    );
    const count = (wanted: string) => results.filter(({ outcome }) => outcome === wanted).length;
    expect([count('recorded'), count('quarantined'), count('duplicate')]).toEqual([1, 24, 25]);
    expect(await jobs()).toHaveLength(1);
  });

  describe('a quarantined entry', () => {
    test('is not delivered and not in balances, and its repeat is a duplicate', async () => {
      const { id, outcome } = await ledger.record(issuance(), quarantined());
      expect(outcome).toBe('quarantined');
      expect(await ledger.record(issuance(), quarantined('more-than-one-reading'))).toEqual({
        outcome: 'duplicate',
        id,
      });
      expect(await getEntry(id)).toMatchObject({
        status: 'quarantined',
        reason: { code: 'unknown-user' },
        duplicates: 1,
      });
      expect(await jobs()).toEqual([]);
      expect(await ledger.balances('user-123')).toEqual([]);
    });

    test('allows another parse with the same signature to be recorded', async () => {
      const { signature, signedText } = issuance();
      await ledger.record(issuance({ quantity: '205', userId: '001', signature, signedText }), quarantined());
      expect(await ledger.record(issuance(), recorded)).toMatchObject({ outcome: 'recorded' });
    });

    test('becomes recorded when its callback arrives again and meets all rules', async () => {
      const { id } = await ledger.record(issuance(), quarantined());
      expect(await ledger.record(issuance(), recorded)).toEqual({ outcome: 'recorded', id });
      expect(await getEntry(id)).toMatchObject({ status: 'recorded', reason: null });
      expect(await jobs()).toEqual([id]);
      expect(await ledger.record(issuance(), recorded)).toEqual({ outcome: 'duplicate', id });
    });

    test('stays discarded once it is discarded, even if its callback arrives again', async () => {
      const { id } = await ledger.record(issuance(), quarantined());
      await ledger.discard(id, decision);
      expect(await ledger.record(issuance(), recorded)).toEqual({ outcome: 'duplicate', id });
      expect(await jobs()).toEqual([]);
    });

    test.each(['020', '20.0', '2e1', '1000000000', '0', '', '２０'])(
      'keeps the text of an invalid quantity and cannot be released: %j',
      async (quantity) => {
        const { id, outcome } = await ledger.record(issuance({ quantity }), recorded);
        expect(outcome).toBe('quarantined');
        expect(await getEntry(id)).toMatchObject({
          reason: { code: 'quantity' },
          quantity: null,
          quantityText: quantity,
        });
        expect(await ledger.release(id, decision)).toBe('conflict');
      },
    );

    test('keeps fields of 16 KiB and replaces characters that PostgreSQL cannot store', async () => {
      const longText = `\0${'x'.repeat(16_000)}\ud800`;
      const facts = issuance({
        transactionId: longText,
        userId: longText,
        nonce: longText,
        origin: longText,
      });
      const { id, outcome } = await ledger.record(facts, quarantined());
      expect(outcome).toBe('quarantined');
      expect(await ledger.record(facts, quarantined())).toEqual({ outcome: 'duplicate', id });
      expect((await getEntry(id)).userId).toBe(`\u{FFFD}${'x'.repeat(16_000)}\u{FFFD}`);
      expect((await ledger.record(issuance({ transactionId: longText }), recorded)).outcome).toBe('recorded');
    });
  });

  describe('release and discard', () => {
    test('release accepts a quarantined entry and adds its delivery job', async () => {
      const { id } = await ledger.record(issuance(), quarantined());
      const entry = await ledger.release(id, decision);
      expect(entry).toMatchObject({
        id,
        status: 'released',
        reason: { code: 'unknown-user' },
        resolvedAt: expect.any(Date),
      });
      expect(await jobs()).toEqual([id]);
      expect(await ledger.balances('user-123')).toEqual([{ content: 'coins', name: null, quantity: 20 }]);
    });

    test('return a conflict for an entry that is not quarantined', async () => {
      const accepted = await ledger.record(issuance(), recorded);
      const held = await ledger.record(redemption(), quarantined());
      expect(await ledger.release(accepted.id, decision)).toBe('conflict');
      expect(await ledger.release(held.id, decision)).toMatchObject({ status: 'released' });
      expect(await ledger.release(held.id, decision)).toBe('conflict');
      expect(await ledger.discard(held.id, decision)).toBe('conflict');
      expect(await jobs()).toHaveLength(2);
    });

    test('release returns a conflict when another entry with the signature or the transaction is accepted', async () => {
      const { signature, signedText } = issuance();
      await ledger.record(issuance(), recorded);
      const otherParse = await ledger.record(issuance({ nonce: 'x', signature, signedText }), recorded);
      const conflicting = await ledger.record(issuance({ quantity: '999' }), recorded);
      expect(await ledger.release(otherParse.id, decision)).toBe('conflict');
      expect(await ledger.release(conflicting.id, decision)).toBe('conflict');
      expect(await ledger.discard(conflicting.id, decision)).toMatchObject({ status: 'discarded' });
      expect(await jobs()).toHaveLength(1);
    });

    test('release succeeds for one of several concurrent entries of a transaction', async () => {
      const ids = await Promise.all(
        ['1', '2', '3', '4'].map(
          async (quantity) => (await ledger.record(issuance({ quantity }), quarantined())).id,
        ),
      );
      const released = await Promise.all(ids.map((id) => ledger.release(id, decision)));
      expect(released.filter((result) => result === 'conflict')).toHaveLength(3);
      expect(await jobs()).toHaveLength(1);
    });

    test.each(['iss_0', `iss_${'0'.repeat(32)}`, "'; drop table ledger", '\0'])(
      'return not-found for the id %j',
      async (id) => {
        expect(await ledger.release(id, decision)).toBe('not-found');
        expect(await ledger.discard(id, decision)).toBe('not-found');
        expect(await ledger.find(id)).toBeUndefined();
      },
    );
  });

  test('adds up recorded live entries per currency in balances', async () => {
    await ledger.record(redemption({ transactionId: 't1', quantity: '999999999' }), recorded);
    await ledger.record(redemption({ transactionId: 't2', quantity: '999999999' }), recorded);
    await ledger.record(redemption({ transactionId: 't3', quantity: '999999999' }), recorded);
    await ledger.record(redemption({ transactionId: 't4', content: 'gems', name: 'Gems' }), recorded);
    await ledger.record(redemption({ transactionId: 'test_5', isTest: true }), recorded);
    await ledger.record(redemption({ transactionId: 't6' }), quarantined());
    await ledger.record(redemption({ transactionId: 't7', userId: 'somebody else' }), recorded);
    expect(await ledger.balances('user-123')).toEqual([
      { content: 'coins', name: 'Coins', quantity: 2_999_999_997 },
      { content: 'gems', name: 'Gems', quantity: 20 },
    ]);
    // An issuance has no name but counts for the same currency.
    await ledger.record(issuance({ transactionId: 't8', content: 'gems' }), recorded);
    expect(await ledger.balances('user-123')).toMatchObject([
      {},
      { content: 'gems', name: 'Gems', quantity: 40 },
    ]);
    expect(await ledger.balances('nobody')).toEqual([]);
  });
});
