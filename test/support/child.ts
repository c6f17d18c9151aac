import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('storage-process.ts', import.meta.url));

/** A child process that uses the built storage; `lines` grows with its output. */
export class StorageProcess {
  readonly lines: unknown[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(task: 'migrate' | 'record' | 'hold' | 'write-for-ever', options: object) {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', SCRIPT, task, JSON.stringify(options)],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(JSON.parse(line)));
    this.#child = child;
    this.#ended = once(child, 'close');
  }

  /** Its whole output, once it ends by itself. */
  async result(): Promise<unknown[]> {
    await this.#ended;
    return this.lines;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
