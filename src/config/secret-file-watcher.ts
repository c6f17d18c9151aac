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

export interface SecretReload {
  /** Whether what the file has now is in use. */
  readonly successful: boolean;
  /** When that was last so after a read. */
  readonly succeededAt: Date;
}

interface WatchedFile {
  readonly name: keyof ConfigValues;
  readonly path: string;
  readonly listener: (value: unknown) => void;
  /** The last value that was read. */
  value: unknown;
  reload: SecretReload;
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
    const reload = { successful: true, succeededAt: new Date() };
    this.watched.push({ name, path, value, reload, listener: listener as WatchedFile['listener'] });
    this.timer ??= setInterval(() => void this.poll(), POLL_INTERVAL_MS).unref();
  }

  /** The last reload of each variable: it worked if it did for all who use the value. */
  reloads(): Map<string, SecretReload> {
    const reloads = new Map<string, SecretReload>();
    for (const { name, reload } of this.watched) {
      const { env } = VARIABLES[name];
      const other = reloads.get(env);
      if (!other || !reload.successful) reloads.set(env, reload);
    }
    return reloads;
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
      if ((await statFingerprint(file.path)) !== fingerprint) return;
      if (!isDeepStrictEqual(value, file.value)) {
        file.value = value;
        this.logger.log({ msg: 'secret reloaded', variable });
        file.listener(value);
      }
      file.reload = { successful: true, succeededAt: new Date() };
    } catch (error) {
      file.reload = { ...file.reload, successful: false };
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
