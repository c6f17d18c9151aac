import { membersOf } from './callback-receiver.js';
import type { FeedEntry } from './callback-sender.js';
import { credentials } from './gateway.js';
import { recut } from './hostile-callbacks.js';
import { momentOf, sessionCall } from './kiip-world.js';
import type { Draw } from './random-draw.js';
import type { TrafficRun } from './traffic-run.js';
import { describeAnswer } from './traffic-run.js';
import type { SignedCallback, TrafficWorld } from './traffic-world.js';

const CONTENTS = ['7f3c2a10-0b1d-4c5e-8a9b-1234567890ab', '00000000-1111-2222-3333-444444444444'];
const NAMES = ['Coins', 'Gold', 'Blue gems', 'Münzen', '金貨'];
/** Where the moment promises no quantity, the signed text alone must tell it: 25 behind a name could be 5 behind `Coins2`. */
const CLEAR_QUANTITIES = [1, 5, 20, 300, 4_000];
const USERS = Array.from({ length: 200 }, (_, index) => (index % 3 === 0 ? `${index}` : `user-${index}`));
/** How an operator may have entered our own URL in Kiip's dashboard. */
const ROUTES = ['', '', '/', '/redemptions', '/issuances', '/redemptions/'];
const ANSWERED_WITHIN_MS = 10_000;
const json = { ...credentials, 'content-type': 'application/json' };

type Ledgered = Pick<
  FeedEntry,
  'transaction_id' | 'nonce' | 'content' | 'name' | 'quantity' | 'user_id' | 'status'
>;

/** What must not differ between what Kiip signed and what the ledger credits. */
export const factsOf = ({ transaction_id, nonce, content, name, quantity, user_id }: Ledgered) =>
  [transaction_id, nonce ?? '', content, name ?? '', quantity, user_id].join('|');

/** Callers who open sessions and report moments, and the callbacks that Kiip sends for their rewards. */
export class GenuineTraffic {
  /** In the order of signing. */
  readonly signed: SignedCallback[] = [];
  /** What Kiip signed in a moment that a stranger sent, with an app key that is no secret to him. */
  readonly signedForStrangers: SignedCallback[] = [];
  /** Ledger ids in the answers to genuine callbacks. */
  readonly acknowledged = new Set<string>();
  readonly #userOf = new Map<string, string>();
  readonly #answered = new Map<string, PromiseWithResolvers<void>>();

  constructor(
    private readonly run: TrafficRun,
    private readonly world: TrafficWorld,
  ) {
    const draw = run.nextDraw();
    world.onCallback = (callback) => {
      const { user_id } = membersOf(callback.body);
      if (!/^ku_\w{26}$/.test(String(user_id))) return void this.signedForStrangers.push(callback);
      this.signed.push(callback);
      return run.track(this.#send(callback, draw));
    };
    // The callback then comes before the response to its moment.
    world.kiip.addFault({
      kind: 'slow',
      route: 'moment',
      rate: 0.2,
      seed: draw.below(2 ** 31),
      delayMs: 300,
    });
  }

  start(momentsPerSecond: number): void {
    const { run } = this;
    run.repeat(momentsPerSecond, (draw) => this.#moment(draw));
    run.repeat(momentsPerSecond / 10, (draw) => this.#issuance(draw));
    run.repeat(momentsPerSecond / 4, async (draw) => {
      const session = { ...sessionCall, user: { userid: draw.pick(USERS) } };
      const answer = await this.#call(draw, 'session', '/api/v1/kiip/sessions', session);
      if (answer.status !== 200) run.fault(`session: ${describeAnswer(answer)}`);
    });
    run.repeat(2, (draw) => this.#call(draw, 'read', draw.pick(READS)(draw.pick(USERS))));
    run.repeat(1, (draw) => {
      const ids = () => ({ external_user_id: `${draw.below(5_000)}`, external_program_id: 'program' });
      return this.#call(draw, 'batch', '/api/v1/unviewed-counts', { users: [ids(), ids(), ids(), ids()] });
    });
  }

  /** The facts of every signed callback, with the user who sent its moment, and what each user has to get. */
  expected(): { facts: string[]; balances: Map<string, number> } {
    const balances = new Map<string, number>();
    const facts = this.signed.map(({ body }) => {
      const fields = membersOf(body) as unknown as Ledgered;
      const user_id = this.#userOf.get(fields.transaction_id) ?? 'nobody';
      balances.set(user_id, (balances.get(user_id) ?? 0) + Number(fields.quantity));
      return factsOf({ ...fields, user_id });
    });
    return { facts, balances };
  }

  async #moment(draw: Draw): Promise<void> {
    const virtualValue = draw.chance(0.5);
    this.world.kiip.configure({
      virtualValue,
      currencyQuantity: virtualValue ? 1 + draw.below(9_999) : draw.pick(CLEAR_QUANTITIES),
      currencyContent: draw.pick(CONTENTS),
      currencyName: draw.pick(NAMES),
      redemptionType: draw.pick(['form', 'json']),
      issuanceType: draw.pick(['form', 'json']),
    });
    const user = draw.pick(USERS);
    const answer = await this.#call(draw, 'moment', '/api/v1/kiip/moments', momentOf(user));
    if (answer.status !== 200) return this.run.fault(`moment: ${describeAnswer(answer)}`);
    const { reward } = JSON.parse(answer.body.toString()) as { reward: { id: string } };
    this.#userOf.set(reward.id, user);
    this.#momentAnswered(reward.id).resolve();
    return undefined;
  }

  /** A later event of a reward that was redeemed before. */
  async #issuance(draw: Draw): Promise<void> {
    const recent = this.signed.slice(-100);
    if (recent.length === 0) return;
    const { transaction_id } = membersOf(draw.pick(recent).body);
    await this.world.kiip.sendCallback({ kind: 'issuance', reward: String(transaction_id) });
  }

  async #send(callback: SignedCallback, draw: Draw): Promise<void> {
    const { run } = this;
    const signature = String(membersOf(callback.body)['signature']);
    const body = draw.chance(0.2) ? callback.body.replace(signature, signature.toUpperCase()) : callback.body;
    const [delayMs, copies, atOnce, forgedFirst] = [
      draw.below(2_000),
      1 + draw.below(3),
      draw.chance(0.5),
      draw.chance(0.1),
    ];
    const answered = this.#momentAnswered(String(membersOf(body)['transaction_id'])).promise;
    // A moment that fails is reported there.
    if (draw.chance(0.5)) await Promise.race([answered, run.pause(ANSWERED_WITHIN_MS)]);
    if (draw.chance(0.3)) await run.pause(delayMs);
    const post = async (kind: string, text: string) => {
      const answer = await run.ask(
        kind,
        `${draw.pick(this.world.replicas).callbacks}/callbacks/kiip${draw.pick(ROUTES)}`,
        {
          method: 'POST',
          headers: { 'content-type': callback.contentType },
          body: text,
          localAddress: draw.address(),
        },
      );
      if (answer.status !== 200) return run.fault(`${kind}: ${describeAnswer(answer)}`);
      if (kind === 'genuine callback') {
        const { id, status } = JSON.parse(answer.body.toString()) as { id: string; status: string };
        this.acknowledged.add(id);
        run.count('genuine callback outcome', status);
      }
      return undefined;
    };
    if (forgedFirst) await post('re-cut before', recut(callback, draw));
    const sendings = Array.from({ length: copies }, () => () => post('genuine callback', body));
    if (atOnce) await Promise.all(sendings.map((send) => send()));
    else for (const send of sendings) await send();
  }

  /** A call of a caller, at a random replica. */
  #call(draw: Draw, kind: string, path: string, body?: object) {
    return this.run.ask(kind, draw.pick(this.world.replicas).callers + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: json,
      localAddress: draw.address(),
      ...(body && { body: JSON.stringify(body) }),
    });
  }

  #momentAnswered(transaction: string): PromiseWithResolvers<void> {
    const answered = this.#answered.get(transaction) ?? Promise.withResolvers<void>();
    this.#answered.set(transaction, answered);
    return answered;
  }
}

const READS: readonly ((user: string) => string)[] = [
  (user) => `/api/user/unviewed-count?external_user_id=${user}&external_program_id=program`,
  (user) => `/api/v1/kiip/issuances?user_id=${user}&limit=20`,
  () => '/api/v1/kiip/issuances?limit=50',
  (user) => `/api/v1/kiip/users/${user}/balances`,
];
