import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { freePort } from '../support/free-port.js';
import { waitFor } from '../support/wait-for.js';

const MAIN = new URL('../../sandbox/dist/main.js', import.meta.url).pathname;
const PORTS = {
  PORT: '3000',
  SANDBOX_KIGO_PORT: '3001',
  SANDBOX_KIIP_PORT: '3002',
  SANDBOX_WALLET_PORT: '3003',
};
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const guide = read('docs/sandbox.md');

interface Line {
  readonly description: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

/** What a shell makes of the commands of docs/sandbox.md, with other ports. */
function documented(ports: Record<string, string>): Line[] {
  const story = guide
    .slice(guide.indexOf('## The story by curl'))
    .replaceAll(/\b300\d\b/g, (port) => ports[port]!);
  const script = Array.from(story.matchAll(/^```sh\n([\s\S]*?)^```$/gm), ([, block]) => block).join('\n');
  const descriptions = Array.from(script.matchAll(/^# (.+)\ncurl /gm), ([, description]) => description!);
  // An interactive zsh does not ignore comments: it reads on until the quote is closed.
  expect(descriptions.filter((text) => /['`]/.test(text))).toEqual([]);
  const stub = `curl() { printf '%s\\0' "$@" >&3; printf '\\n' >&3; }`;
  const { output } = spawnSync('sh', ['-ec', `${stub}\n${script}`], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    encoding: 'utf8',
  });
  const calls = output[3]!.split('\n').slice(0, -1);
  expect(calls).toHaveLength(descriptions.length);
  return calls.map((call, index) => asLine(descriptions[index]!, call.split('\0')));
}

/** What curl makes of these words. */
function asLine(description: string, words: string[]): Line {
  const headers: Record<string, string> = {};
  let [method, url, body] = ['', '', undefined as string | undefined];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (word === '-X') method = words[(at += 1)]!;
    else if (word === '-d') body = words[(at += 1)]!;
    else if (word === '-H') {
      const [name = '', value = ''] = words[(at += 1)]!.split(': ');
      headers[name] = value;
    } else if (word.startsWith('http')) url = word;
  }
  return { description, method: method || (body === undefined ? 'GET' : 'POST'), url, headers, body };
}

describe('npm run sandbox', () => {
  let sandbox: ChildProcess;
  let output = '';
  const ports: Record<string, string> = {};
  let lines: Line[];

  beforeAll(async () => {
    const env = { ...process.env };
    for (const [name, standard] of Object.entries(PORTS))
      ports[standard] = env[name] = String(await freePort());
    sandbox = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    sandbox.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
    await waitFor('it says what to try', () => output.includes('/console/'), 60);
    lines = documented(ports);
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

  it('prints two lines: what the README has, and the address of the console', () => {
    const [, first] = /^(curl -s .*)$/m.exec(read('README.md')) ?? [];
    expect(output.split('\n')).toEqual([
      first?.replaceAll('3000', ports['3000']!),
      `Console: http://127.0.0.1:${ports['3000']}/console/#/play`,
      '',
    ]);
  });

  it('has its whole story in docs/sandbox.md, to paste', async () => {
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
    expect(await paste('Everything else')).toContain('/__sandbox/balances');
    expect(lines).toEqual([]);
  });

  it('ends when it is told to', async () => {
    sandbox.kill('SIGINT');
    expect(await once(sandbox, 'exit')).toEqual([0, null]);
  });
});
