/** Where a fault is tested: a row of the table of `npm run chaos`, or a test with this title. */
export type Proof = { readonly row: string } | { readonly spec: string; readonly test: string };

interface ProvenFault {
  readonly fault: string;
  readonly by: readonly Proof[];
}

const row = (name: string): Proof => ({ row: name });
const spec = (path: string, title: string): Proof => ({ spec: `test/${path}.spec.ts`, test: title });

/** The catalogue of faults of services that receive and deliver events, in its order. */
export const PROOFS: readonly ProvenFault[] = [
  // Callbacks and ledger
  {
    fault: 'processes are killed at 1,000 random moments',
    by: [row('a gateway is killed'), row('any process is killed')],
  },
  {
    fault: 'identical callbacks at once, at all replicas',
    by: [spec('services/kiip-fleet', 'store many concurrent identical callbacks as one entry')],
  },
  {
    fault: 'the same transaction with another quantity or user',
    by: [
      spec('e2e/kiip-callbacks', 'quarantines a callback that has a recorded transaction and other fields'),
    ],
  },
  {
    fault: 'the same signature with every other cut of its text',
    by: [spec('chaos/kiip-every-cut', 'credits the user with the quantity that was promised, once')],
  },
  {
    fault: 'a redemption sent again as an issuance, and the other way round',
    by: [
      spec(
        'e2e/kiip-callbacks',
        'credits the issuance and not the legacy redemption with the same signature',
      ),
      spec('e2e/kiip-callbacks', 'does not credit the forged callback as well as the genuine one'),
    ],
  },
  {
    fault: 'a replay, at any time later',
    by: [spec('services/ledger', 'counts a repeated callback as a duplicate of the first')],
  },
  {
    fault: 'random, malformed and huge bodies',
    by: [
      spec('chaos/kiip-fuzz', 'credits only signed texts'),
      spec('e2e/kiip-callbacks', 'responds 413 to a body over 16 KiB and 415 to another media type'),
    ],
  },
  {
    fault: 'a wrong secret is configured, then corrected',
    by: [
      spec(
        'processes/kiip-reverify',
        'records genuine callbacks that were rejected because of a wrong secret',
      ),
    ],
  },
  {
    fault: 'a secret is rotated',
    by: [spec('services/secret-files', 'old and new secrets verify while both are listed')],
  },
  {
    fault:
      'PostgreSQL is killed, fails over, is read-only, has a full disk, locks, no free connection, is paused, or its connection breaks at the commit',
    by: [
      row('PostgreSQL is killed'),
      row('a replica is promoted'),
      row('PostgreSQL is read-only'),
      row('the disk of PostgreSQL is full'),
      row('the ledger is locked'),
      row('PostgreSQL has no free connection'),
      row('PostgreSQL is paused for 30 s'),
      row('PostgreSQL commits, and its response is lost'),
    ],
  },
  {
    fault: 'the database is an earlier one: an asynchronous replica or a restore',
    by: [spec('chaos/restore', 'ends with consumers that have exactly the ledger, once')],
  },
  {
    fault: 'a transaction that began first commits last',
    by: [
      spec('services/ledger-feed', 'lists an entry that began first and commits last'),
      spec(
        'services/delivery-order',
        'sends a delivery at once when the one before it ends while it is created',
      ),
    ],
  },
  {
    fault: 'an event that the consumer rejects',
    by: [spec('e2e/delivery-consumers', 'continues with other events while single events are rejected')],
  },
  {
    fault:
      'a consumer that is down for days, slow, gone, redirects, limits the rate, or sends an endless body',
    by: [
      row('the consumer is killed'),
      row('the consumer is paused'),
      row('responses of the consumer are lost'),
      spec('e2e/delivery-consumers', 'makes a last attempt at the end of three days'),
      spec('e2e/delivery-consumers', 'never follows a redirect'),
      spec('e2e/delivery-consumers', 'waits no longer than 10 s for a response'),
      spec('e2e/delivery-consumers', 'obeys Retry-After: never earlier, and not much later'),
    ],
  },
  {
    fault: 'a worker is killed during a replay, beside live traffic',
    by: [spec('processes/delivery-replay', 'replays a window completely at its rate, beside live traffic')],
  },
  {
    fault: 'the clock of a replica is set by an hour',
    by: [
      row('the clock of a gateway is set by an hour, ahead and back'),
      spec('e2e/clock', 'a Kigo token is used for as long'),
    ],
  },
  // Tokens
  {
    fault: 'all replicas start at once',
    by: [spec('services/redis-sharing', 'log in once when all start at the same time')],
  },
  {
    fault: 'the token cannot be refreshed',
    by: [spec('e2e/kigo-auth', 'stays in use until it expires when every refresh fails')],
  },
  {
    fault: 'many calls are rejected with 401 at once',
    by: [spec('e2e/kigo-auth', 'calls are rejected together')],
  },
  {
    fault: 'Kigo rejects the API key for good',
    by: [
      spec(
        'e2e/kigo-auth',
        'leads to 502 and no further login for 30 s when Kigo rejects it right after a new login',
      ),
    ],
  },
  {
    fault: 'Kigo answers a login with a token that it rejects, or an unusual answer',
    by: [
      spec(
        'e2e/kigo-auth',
        'leads to no further login for 30 s when Kigo rejects it while its successor is not there yet',
      ),
      spec('e2e/kigo-auth', 'is accepted with status 201'),
    ],
  },
  {
    fault: 'the replica that logs in is paused',
    by: [
      row('a gateway is paused'),
      spec('services/redis-sharing', 'serve requests while the login of the lease holder hangs'),
    ],
  },
  {
    fault: 'a new login revokes the older token',
    by: [
      spec('e2e/kigo-auth', 'is renewed on the first 401 when Kigo revokes it early'),
      spec('services/redis-sharing', 'log in when the tokens of two gateways are both revoked'),
    ],
  },
  // Outgoing calls and cache
  {
    fault: 'Kigo answers every call with 500',
    by: [
      row('Kigo and Kiip are unreachable'),
      spec(
        'e2e/upstream',
        'the first request causes at most three calls to Kigo, and a minute of requests at most 1.1 calls each',
      ),
      spec('e2e/upstream', 'cached counts are still served, marked as stale'),
    ],
  },
  {
    fault: 'any Retry-After',
    by: [
      spec('e2e/upstream', 'obeys Retry-After in %s'),
      spec('e2e/upstream', 'ignores a Retry-After of "%s"'),
    ],
  },
  {
    fault: 'slow, truncated, compressed, endless and wrong responses',
    by: [
      spec('e2e/upstream', 'fails with 502 after one attempt and caches nothing when the response is %s'),
      row('Kigo is 1 s away'),
    ],
  },
  {
    fault: 'Redis is killed, paused, unreachable, empty, full, loading, a replica, or slow',
    by: [
      row('Redis is killed'),
      row('Redis is paused'),
      row('Redis is unreachable'),
      row('Redis loses its data'),
      row('Redis has no memory left'),
      row('Redis becomes a replica'),
      row('Redis is 200 ms away'),
      spec(
        'processes/redis-outages',
        'keep the connection while Redis loads its data, and use it afterwards',
      ),
    ],
  },
  {
    fault: 'many callers ask for one expired value',
    by: [
      spec('e2e/read-through', 'cause one call when 50 callers request an expired value at once'),
      spec('services/redis-sharing', 'refresh a summary once for all gateways'),
    ],
  },
  {
    fault: 'an account appears after a 404',
    by: [
      spec('e2e/read-through', 'are cached for NOT_FOUND_TTL_SECONDS and then replaced by the new account'),
    ],
  },
  {
    fault: 'an entry of the cache is damaged, or of another version',
    by: [spec('services/redis-sharing', 'ignore and replace an entry that %s')],
  },
  {
    fault: 'the outcome of a moment is unknown',
    by: [
      row('responses of Kiip are lost'),
      spec(
        'processes/kiip-moment-kill',
        'answers a repeat 409 outcome-unknown after its restart, without calling Kiip',
      ),
    ],
  },
  // Platform
  {
    fault: 'replicas are replaced under load',
    by: [row('a gateway is restarted')],
  },
  {
    fault: 'SIGTERM during a request',
    by: [row('a gateway is restarted'), spec('processes/stop', 'lets requests in flight finish on SIGTERM')],
  },
  {
    fault: 'Kigo and Kiip are both unreachable',
    by: [
      row('Kigo and Kiip are unreachable'),
      spec('e2e/upstream', 'the health report is 503, and the probes are not affected'),
    ],
  },
  {
    fault: 'a secret file is replaced, half written, or missing',
    by: [
      spec('services/secret-files', 'is reloaded when Kubernetes replaces the symbolic link to its folder'),
      spec('services/secret-files', 'is not reloaded while it is being written'),
    ],
  },
  {
    fault: 'secrets and personal data take every path',
    by: [
      spec('services/leaks', 'are in no log line, up to the last'),
      spec('services/leaks', 'are in no table, but for user ids in those of the ledger'),
      spec('e2e/delivery-leaks', 'appear in no response'),
    ],
  },
  {
    fault: 'a process is out of memory, or its event loop is blocked',
    by: [
      row('a gateway is killed'),
      row('a gateway is paused'),
      spec(
        'processes/start',
        'gets no response while the event loop is blocked, and 503 after a block of ten seconds',
      ),
    ],
  },
  {
    fault: 'the reconciliation, after every row above: accepted = delivered',
    by: [spec('e2e/delivery-management', 'adds up whatever the state of the entries')],
  },
];
