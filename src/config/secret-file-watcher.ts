import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { Config } from './config.js';
import { BadValue } from './parsers.js';
import { rereadSecret } from './read-config.js';
import { variables } from './variables.js';
import type { Values } from './variables.js';

/** Kubernetes puts a new version of a Secret in place by changing a link, of which no watcher of the file would hear. */
const lookEveryMs = 500;

interface Watched {
  readonly name: keyof Values;
  readonly path: string;
  readonly use: (value: unknown) => void;
  /** In use, or on its way there. */
  value: unknown;
  /** What the file looked like at the last look. */
  seen?: string;
  /** What it looked like when it was last read. */
  read?: string;
}

/**
 * Looks whether the files of secrets have changed, and hands new values on. A file must look the same twice in a row before
 * it is read, since its writer may be at work; what is empty or cannot be used never replaces what is in use.
 */
@Injectable()
export class SecretFiles implements OnModuleDestroy {
  private readonly logger = new Logger('Secrets');
  private readonly watched: Watched[] = [];
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(private readonly config: Config) {}

  /** Calls back with every later value of a secret that was given as a file; the first one is in the Config. */
  watch<Name extends keyof Values>(name: Name, use: (value: NonNullable<Values[Name]>) => void): void {
    const path = this.config.secretFiles[name];
    if (path === undefined) return;
    this.watched.push({ name, path, value: this.config[name], use: use as Watched['use'] });
    this.timer ??= setInterval(() => void this.look(), lookEveryMs).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    for (const file of this.watched) await this.lookAt(file);
    this.looking = false;
  }

  private async lookAt(file: Watched): Promise<void> {
    const looks = await looksOf(file.path);
    const settled = looks === file.seen;
    file.seen = looks;
    if (!settled || looks === file.read) return;
    file.read = looks;
    const { env: variable } = variables[file.name];
    try {
      const value = rereadSecret(this.config, file.name);
      // It was changed under our hands: the next looks will tell.
      if ((await looksOf(file.path)) !== looks || isDeepStrictEqual(value, file.value)) return;
      file.value = value;
      this.logger.log({ msg: 'the file of a secret has a new value', variable });
      file.use(value);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      this.logger.warn({
        msg: 'the file of a secret cannot be used; the value before stays in use',
        variable,
        fault: error.message,
      });
    }
  }
}

/** Whatever may differ between two versions of a file, links followed. */
async function looksOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join();
  } catch {
    return 'not there';
  }
}
