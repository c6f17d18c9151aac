import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { baseEnvironment } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

const root = new URL('../../', import.meta.url);
const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  scripts: Record<string, string>;
};

describe('npm start', () => {
  it('opens no debugger on a signal that any process of the same user can send', async () => {
    const [command, ...args] = scripts['start']!.split(' ');
    expect(command).toBe('node');
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...baseEnvironment, PORT: '0', HOST: '127.0.0.1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    let ended = false;
    child.once('close', () => (ended = true));
    await waitFor('it listens', () => output.includes('"listening"'));
    child.kill('SIGUSR1');
    child.kill('SIGTERM');
    await waitFor('it ends', () => ended);
    expect(errors).toBe('');
  });
});
