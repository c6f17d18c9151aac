import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { Config } from './config.js';
import { InvalidValueError } from './parsers.js';
import { reloadSecret } from './read-config.js';
import { VARIABLES } from './variables.js';
import type { ConfigValues } from './variables.js';

/** Kubernetes puts a new version of a Secret in place by changing a link, of which no watcher of the file would hear. */
const POLL_INTERVAL_MS = 500;

interface WatchedFile {
  readonly name: keyof ConfigValues;
  readonly path: string;
  readonly use: (value: unknown) => void;
  /** In use, or on its way there. */
  value: unknown;
  /** What the file looked like at the last look. */
  lastSeenStat?: string;
  /** What it looked like when it was last read. */
  lastReadStat?: string;
}

/**
 * Looks whether the files of secrets have changed, and hands new values on. A file must look the same twice in a row before
 * it is read, since its writer may be at work; what is empty or cannot be used never replaces what is in use.
 */
@Injectable()
export class SecretFileWatcher implements OnModuleDestroy {
  private readonly logger = new Logger('Secrets');
  private readonly watched: WatchedFile[] = [];
  private timer: NodeJS.Timeout | undefined;
  private polling = false;

  constructor(private readonly config: Config) {}

  /** Calls back with every later value of a secret that was given as a file; the first one is in the Config. */
  watch<Name extends keyof ConfigValues>(
    name: Name,
    use: (value: NonNullable<ConfigValues[Name]>) => void,
  ): void {
    const path = this.config.secretFiles[name];
    if (path === undefined) return;
    this.watched.push({ name, path, value: this.config[name], use: use as WatchedFile['use'] });
    this.timer ??= setInterval(() => void this.poll(), POLL_INTERVAL_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async poll(): Promise<void> {
    if (this.polling) return;
    this.polling = true;
    for (const file of this.watched) await this.pollFile(file);
    this.polling = false;
  }

  private async pollFile(file: WatchedFile): Promise<void> {
    const looks = await statFingerprint(file.path);
    const settled = looks === file.lastSeenStat;
    file.lastSeenStat = looks;
    if (!settled || looks === file.lastReadStat) return;
    file.lastReadStat = looks;
    const { env: variable } = VARIABLES[file.name];
    try {
      const value = reloadSecret(this.config, file.name);
      // It was changed under our hands: the next looks will tell.
      if ((await statFingerprint(file.path)) !== looks || isDeepStrictEqual(value, file.value)) return;
      file.value = value;
      this.logger.log({ msg: 'secret reloaded', variable });
      file.use(value);
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error;
      this.logger.warn({
        msg: 'secret file invalid; keeping previous value',
        variable,
        fault: error.message,
      });
    }
  }
}

/** Whatever may differ between two versions of a file, links followed. */
async function statFingerprint(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join();
  } catch {
    return 'not there';
  }
}
