import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { Config } from './config.js';
import { InvalidValueError } from './parsers.js';
import { reloadSecret } from './read-config.js';
import { VARIABLES } from './variables.js';
import type { ConfigValues } from './variables.js';

/** Kubernetes updates a mounted Secret by replacing a symbolic link, which a watcher of the file does not notice. */
const POLL_INTERVAL_MS = 500;

interface WatchedFile {
  readonly name: keyof ConfigValues;
  readonly path: string;
  readonly listener: (value: unknown) => void;
  /** The last value that was read. */
  value: unknown;
  lastSeenStat?: string;
  lastReadStat?: string;
}

/**
 * Polls the files of secrets and passes on new values. A file must look the same in two polls before it is read, since it may
 * still be being written. An empty or invalid file never replaces the value in use.
 */
@Injectable()
export class SecretFileWatcher implements OnModuleDestroy {
  private readonly logger = new Logger('Secrets');
  private readonly watched: WatchedFile[] = [];
  private timer: NodeJS.Timeout | undefined;
  private polling = false;

  constructor(private readonly config: Config) {}

  /** Calls back with every later value of a secret that was given as a file; the first value is in the Config. */
  watch<Name extends keyof ConfigValues>(
    name: Name,
    listener: (value: NonNullable<ConfigValues[Name]>) => void,
  ): void {
    const path = this.config.secretFiles[name];
    if (path === undefined) return;
    const value = this.config[name];
    this.watched.push({ name, path, value, listener: listener as WatchedFile['listener'] });
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
    const fingerprint = await statFingerprint(file.path);
    const settled = fingerprint === file.lastSeenStat;
    file.lastSeenStat = fingerprint;
    if (!settled || fingerprint === file.lastReadStat) return;
    file.lastReadStat = fingerprint;
    const { env: variable } = VARIABLES[file.name];
    try {
      const value = reloadSecret(this.config, file.name);
      // If it changed while it was read, a later poll reads it again.
      if ((await statFingerprint(file.path)) !== fingerprint || isDeepStrictEqual(value, file.value)) return;
      file.value = value;
      this.logger.log({ msg: 'secret reloaded', variable });
      file.listener(value);
    } catch (error) {
      if (error instanceof InvalidValueError) {
        const reason = error.message;
        this.logger.warn({ msg: 'secret file invalid; keeping previous value', variable, reason });
      } else {
        // A listener that fails must neither end the process nor stop the polling.
        const name = error instanceof Error ? error.name : typeof error;
        this.logger.error({ msg: 'failed to apply reloaded secret', variable, error: name });
      }
    }
  }
}

/** Everything that differs between two versions of a file, links followed. */
async function statFingerprint(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join();
  } catch {
    return 'missing';
  }
}
