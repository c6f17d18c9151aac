import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.js';
import { waitFor } from './wait-for.js';

const SCRIPT = fileURLToPath(new URL('recording-server.js', import.meta.url));

/** Kigo, Kiip or a consumer in a process that can be killed and restarted on the same port: see recording-server.js. */
export class RecordingProcess {
  #child: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly folder: string,
  ) {}

  static async create(): Promise<RecordingProcess> {
    const recorder = new RecordingProcess(await freePort(), mkdtempSync(join(tmpdir(), 'recordings-')));
    writeFileSync(recorder.#file, '');
    await recorder.start();
    return recorder;
  }

  get #file(): string {
    return join(this.folder, 'received');
  }

  /** What it was sent, in the order of arrival: a line for each event or moment. */
  received(): string[] {
    return readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
  }

  hasReceived(id: string): boolean {
    return readFileSync(this.#file).includes(id);
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [SCRIPT, String(this.port), this.#file], { stdio: 'inherit' });
    this.#child = child;
    const answers = async () => (await fetch(`http://127.0.0.1:${this.port}/`)).ok;
    await waitFor('the recording server answers', answers);
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
