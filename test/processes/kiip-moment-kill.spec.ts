import { startKiipSandbox } from '@rewards-gateway/sandbox';
import { newDatabase } from '../support/databases.js';
import { credentials } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { kiipAppKey, momentOf, problemOf } from '../support/kiip-world.js';
import { waitFor } from '../support/wait-for.js';

const reportTo = async (gateway: GatewayProcess) => {
  const url = await gateway.url();
  await gateway.logged('database ready');
  return fetch(`${url}/api/v1/kiip/moments`, {
    method: 'POST',
    headers: { ...credentials, 'content-type': 'application/json', 'idempotency-key': 'the-key' },
    body: JSON.stringify(momentOf('user-1')),
  });
};

describe('a gateway that is killed during a moment call', () => {
  it('answers a repeat 409 outcome-unknown after its restart, without calling Kiip', async () => {
    const database = await newDatabase();
    const kiip = await startKiipSandbox();
    const env = {
      ...database.env,
      KIIP_BASE_URL: kiip.url,
      KIIP_APP_KEY: kiipAppKey,
      // They determine the length of the lease.
      UPSTREAM_DEADLINE_MS: '1000',
      DATABASE_TIMEOUT_MS: '1000',
    };
    const killed = startProcess(env);
    kiip.addFault({ kind: 'hang', times: 1 });
    const call = reportTo(killed).catch(() => 'broken');
    await waitFor('Kiip has the call', () => kiip.requests().length === 1);
    await killed[Symbol.asyncDispose]();
    expect(await call).toBe('broken');

    const restarted = startProcess(env);
    const outcomes = new Set<string>();
    await waitFor('the lease expires', async () => {
      const [status, name] = await problemOf(await reportTo(restarted));
      outcomes.add(`${status} ${name}`);
      return name === 'outcome-unknown';
    });
    // While the lease is valid, the repeat gets a conflict.
    expect([...outcomes].every((outcome) => /^409 (conflict|outcome-unknown)$/.test(outcome))).toBe(true);
    expect(kiip.requests()).toHaveLength(1);
    await restarted[Symbol.asyncDispose]();
    await kiip.close();
    await database.drop();
  }, 60_000);
});
