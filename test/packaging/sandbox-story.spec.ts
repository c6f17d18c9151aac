import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { waitFor } from '../support/wait-for.js';

const MAIN = new URL('../../sandbox/dist/main.js', import.meta.url).pathname;
const PORTS = ['PORT', 'SANDBOX_KIGO_PORT', 'SANDBOX_KIIP_PORT', 'SANDBOX_WALLET_PORT'];

interface Line {
  readonly description: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

/** What a shell and curl would make of the printed lines. */
function printed(text: string): Line[] {
  return [...text.matchAll(/^# (.+)\ncurl -s (.+)$/gm)].map(([, description = '', words = '']) => {
    const argumentsOf = [...words.matchAll(/'([^']*)'|(\S+)/g)].map(
      ([, quoted, plain]) => quoted ?? plain ?? '',
    );
    const line = {
      description,
      method: '',
      url: '',
      headers: {} as Record<string, string>,
      body: undefined as string | undefined,
    };
    for (let at = 0; at < argumentsOf.length; at += 1) {
      const word = argumentsOf[at]!;
      if (word === '-X') line.method = argumentsOf[(at += 1)]!;
      else if (word === '-d') line.body = argumentsOf[(at += 1)]!;
      else if (word === '-H') {
        const [name = '', value = ''] = argumentsOf[(at += 1)]!.split(': ');
        line.headers[name] = value;
      } else if (word.startsWith('http')) line.url = word;
    }
    return { ...line, method: line.method || (line.body === undefined ? 'GET' : 'POST') };
  });
}

describe('npm run sandbox', () => {
  let sandbox: ChildProcess;
  let output = '';
  let lines: Line[];

  beforeAll(async () => {
    const env = { ...process.env, ...Object.fromEntries(PORTS.map((name) => [name, '0'])) };
    sandbox = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    sandbox.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
    await waitFor('it says what to try', () => output.includes('virtual wallet can do\n'), 60);
    lines = printed(output);
  });
  afterAll(() => sandbox.kill('SIGKILL'));

  /** Runs the first command with this description, after those before it that have not run. */
  const paste = async (description: string): Promise<unknown> => {
    for (;;) {
      const line = lines.shift();
      if (!line) throw new Error(`no line is left described as ${description}`);
      const { method, url, headers, body } = line;
      const response = await fetch(url, { method, headers, ...(body !== undefined && { body }) });
      const text = await response.text();
      if (line.description.startsWith(description)) return text.startsWith('{') ? JSON.parse(text) : text;
    }
  };
  const heard = (what: string) =>
    waitFor(`the wallet says ${what}`, () => output.includes(`Wallet: ${what}`));

  it('tells the whole story in lines to paste', async () => {
    expect(await paste('Kigo: the badge of one user')).toEqual({ count: 12 });
    expect(await paste('The user does something')).toMatchObject({ rewarded: true });
    expect(await paste('Redeem, as the button there does')).toMatchObject({
      delivery: { status: 200, body: expect.stringContaining('"recorded"') as string },
    });
    const balances = [{ name: 'Coins', quantity: 20 }];
    expect(await paste('And the user has 20 Coins')).toMatchObject({ balances });
    await heard('+20 Coins for user-123 (iss_');
    expect(await paste('A wallet behind the gateway')).toMatchObject({ balances });
    expect(await paste('Kiip sends the same callback again')).toMatchObject({
      body: expect.stringContaining('"duplicate"') as string,
    });
    expect(await paste('A forged callback')).toMatchObject({ status: 401 });
    expect(await paste('One that is signed but odd')).toMatchObject({
      body: expect.stringContaining('"quarantined"') as string,
    });
    await paste('Let the wallet fail');
    await paste('Another survey');
    await waitFor('its delivery is pending', async () => {
      const { url, headers } = lines.find(({ description }) =>
        description.startsWith('Its event is not lost'),
      )!;
      return (await (await fetch(url, { headers })).text()).includes('"pending"');
    });
    expect(await paste('Its event is not lost')).toMatchObject({ items: [{ status: 'pending' }] });
    await paste('Let the wallet work again');
    await waitFor('the wallet has four', () => output.match(/Wallet: \+20 Coins/g)?.length === 4);
    expect(await paste('How many events a replay')).toEqual({ id: null, count: 4 });
    await waitFor('the ledger and the wallet agree', async () => {
      const { url, headers } = lines.find(({ description }) => description.startsWith('Reconciliation'))!;
      return ((await (await fetch(url, { headers })).json()) as { delivered: number }).delivered === 4;
    });
    expect(await paste('Reconciliation')).toMatchObject({
      accepted: 5,
      quarantined: 1,
      pending: 0,
      missing: 0,
    });
    expect(await paste('Kiip signs its callback')).toMatchObject({
      delivery: { status: 200, body: expect.stringContaining('"quarantined"') as string },
    });
    expect(await paste('Ask past the cache')).toEqual({ count: 5 });
    expect(await paste('Everything else that the virtual wallet')).toContain('/__sandbox/balances');
    expect(lines).toEqual([]);
  });

  it('ends when it is told to', async () => {
    sandbox.kill('SIGINT');
    expect(await once(sandbox, 'exit')).toEqual([0, null]);
  });
});
