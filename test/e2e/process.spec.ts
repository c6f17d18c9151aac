import { newDatabase } from '../support/databases.js';
import { startProcess } from '../support/gateway-process.js';

/** It takes requests for a second, and a busy machine needs longer. */
const SOON_MS = 5_000;

describe('npm start', () => {
  it('picks a free port for PORT=0, logs it as JSON, serves there, and ends at once with exit code 0 on SIGTERM', async () => {
    const database = await newDatabase();
    await using gateway = startProcess(database.env);
    const url = await gateway.url();
    await gateway.logged('database ready');
    for (const path of ['live', 'startup', 'ready'])
      expect((await fetch(`${url}/health/${path}`)).status).toBe(200);
    expect(gateway.log()).toContainEqual(expect.objectContaining({ msg: 'listening', level: 'info' }));

    gateway.signal('SIGTERM');
    await gateway.logged('stopping');
    const since = performance.now();
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - since).toBeLessThan(SOON_MS);
    expect(errorLines(gateway.log())).toEqual([]);
    expect(gateway.errors()).toBe('');
    await database.drop();
  });
});

/** The error and fatal log lines, without time and location. */
function errorLines(log: Record<string, unknown>[]) {
  return log
    .filter(({ level }) => level === 'fatal' || level === 'error')
    .map((line) =>
      Object.fromEntries(Object.entries(line).filter(([name]) => !['time', 'at'].includes(name))),
    );
}
