import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FairBatches } from '../async/fair-batches.js';
import { StorageUnavailableError } from '../database/storage-error.js';
import { summarizeError } from '../log/error-summary.js';
import type { CallbackMedia } from './parse-callback.js';
import { SpoolError } from './spool-error.js';
import type { UnverifiedCallback } from './verified-callback.js';

/** Fewer than may be rejected at once. */
const BATCH_SIZE = 100;
const MAX_WAITING = 5_000;
const PATIENCE_MS = 5_000;

const WAITING = '.callbacks';
const FAILED = '.failed';
const UNFINISHED = '.unfinished';
/** No write takes that long: its process has ended. It was not acknowledged. */
const ABANDONED_MS = 3_600_000;
const FILE_NAME = /^(?<writtenAt>\d{13})-(?<count>\d+)-[\da-f-]+\.(?<state>callbacks|failed)$/;

/** Callbacks that were written together. A file never changes. */
export interface SpoolFile {
  readonly name: string;
  /** How long ago it was written, by the clock of the machine: another one may have written it. */
  readonly ageSeconds: number;
  readonly count: number;
  /** Something in it could not be recorded, so a person must look at it. */
  readonly failed: boolean;
}

/**
 * Keeps callbacks on a disk while the database is unavailable. Each file gets its name only after its content has been flushed, so
 * there are whole files only, and any number of processes may share the folder.
 */
export class CallbackSpool {
  private readonly batches: FairBatches<UnverifiedCallback, undefined>;

  constructor(private readonly folder: string) {
    this.batches = new FairBatches((callbacks) => this.write(callbacks), {
      concurrency: 1,
      batchSize: BATCH_SIZE,
      maxWaiting: MAX_WAITING,
      patienceMs: PATIENCE_MS,
      mayConcernOne: () => false,
    });
  }

  /**
   * Creates the folder, and proves that it can be written.
   * @throws SpoolError
   */
  async open(): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      const probe = `${this.newPath(0)}${UNFINISHED}`;
      await writeFlushed(probe, '');
      await rm(probe);
      await this.removeAbandoned();
    } catch (error) {
      const { code = 'unknown' } = summarizeError(error);
      throw new SpoolError(`SPOOL_DIR cannot be written (${code}): it must be a folder of this user.`);
    }
  }

  /**
   * Returns after the callback has been flushed to the disk. Those that arrive together share a file.
   * @param key those with equal keys wait for each other
   * @throws StorageUnavailableError
   */
  async add(key: string, { body, media, receivedAt }: UnverifiedCallback): Promise<void> {
    try {
      await this.batches.execute(key, { body, media, receivedAt });
    } catch (error) {
      const { code = 'too many wait' } = summarizeError(error);
      throw new StorageUnavailableError(`the spool cannot be written (${code})`, { cause: error });
    }
  }

  /** The files, oldest first. */
  async files(): Promise<SpoolFile[]> {
    const now = Date.now();
    const names = await readdir(this.folder);
    return names.toSorted().flatMap((name) => {
      const { writtenAt, count, state } = FILE_NAME.exec(name)?.groups ?? {};
      if (writtenAt === undefined) return [];
      return [
        {
          name,
          ageSeconds: Math.max(0, (now - Number(writtenAt)) / 1_000),
          count: Number(count),
          failed: state === 'failed',
        },
      ];
    });
  }

  /** The callbacks of a file; undefined in the place of each that cannot be read. Empty if another process has removed it. */
  async read({ name, count }: SpoolFile): Promise<(UnverifiedCallback | undefined)[]> {
    const text = await readFile(join(this.folder, name), 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (text === undefined) return [];
    const lines = text.split('\n');
    return Array.from({ length: count }, (_, index) => fromLine(lines[index] ?? ''));
  }

  async remove({ name }: SpoolFile): Promise<void> {
    await rm(join(this.folder, name), { force: true });
  }

  /** Keeps a file for a person, who may rename it back. */
  async setAside({ name }: SpoolFile): Promise<void> {
    const failed = name.replace(WAITING, FAILED);
    await rename(join(this.folder, name), join(this.folder, failed)).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }

  private newPath(count: number): string {
    return join(this.folder, `${Date.now()}-${count}-${randomUUID()}`);
  }

  private async removeAbandoned(): Promise<void> {
    for (const name of await readdir(this.folder))
      if (name.endsWith(UNFINISHED) && Date.now() - Number.parseInt(name, 10) > ABANDONED_MS)
        await rm(join(this.folder, name), { force: true });
  }

  private async write(callbacks: readonly UnverifiedCallback[]): Promise<undefined[]> {
    const path = this.newPath(callbacks.length);
    const unfinished = path + UNFINISHED;
    try {
      await writeFlushed(unfinished, callbacks.map(toLine).join(''));
      await rename(unfinished, path + WAITING);
      await flushFolder(this.folder);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => undefined);
      throw error;
    }
    return callbacks.map(() => undefined);
  }
}

function toLine({ body, media, receivedAt }: UnverifiedCallback): string {
  const line = { received_at: receivedAt.toISOString(), media, body: Buffer.from(body).toString('base64') };
  return `${JSON.stringify(line)}\n`;
}

/** The signature in the body, which is verified again, tells whether it is what Kiip sent. */
function fromLine(line: string): UnverifiedCallback | undefined {
  try {
    const { received_at, media, body } = JSON.parse(line) as {
      received_at: string;
      media: CallbackMedia;
      body: string;
    };
    const receivedAt = new Date(received_at);
    return Number.isNaN(receivedAt.getTime())
      ? undefined
      : { body: Buffer.from(body, 'base64'), media, receivedAt };
  } catch {
    return undefined;
  }
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The name of a file is on the disk only after its folder is. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const isMissing = (error: unknown) => summarizeError(error).code === 'ENOENT';
