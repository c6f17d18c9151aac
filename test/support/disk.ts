import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIZE = '400M';

/**
 * An ext4 file system whose disk is a file. Only what the file system has written to its disk is in that file: what was flushed
 * (fsync), and little else before the kernel writes it back by itself, after 30 s.
 */
export class Disk {
  readonly path: string;
  readonly #image: string;

  private constructor(private readonly folder: string) {
    this.path = join(folder, 'files');
    this.#image = join(folder, 'disk');
  }

  /** @throws where this process may not mount file systems, or mkfs.ext4 is missing */
  static create(): Disk {
    const disk = new Disk(mkdtempSync(join(tmpdir(), 'gateway-disk-')));
    try {
      chmodSync(disk.folder, 0o755);
      mkdirSync(disk.path);
      execFileSync('truncate', ['-s', SIZE, disk.#image], { stdio: 'pipe' });
      execFileSync('mkfs.ext4', ['-q', disk.#image], { stdio: 'pipe' });
      disk.#mount();
      return disk;
    } catch (error) {
      disk.destroy();
      throw error;
    }
  }

  /** Writes everything so far to the disk. */
  flush(): void {
    execFileSync('sync', ['--file-system', this.path]);
  }

  /** Leaves the files as a loss of power would at this moment. No process may use them. */
  losePower(): void {
    const copy = `${this.#image}.copy`;
    execFileSync('cp', ['--sparse=always', this.#image, copy]);
    execFileSync('umount', [this.path]);
    renameSync(copy, this.#image);
    this.#mount();
  }

  /** Takes all space that is left, also that which is reserved for root. @returns gives it back */
  fill(): () => void {
    const filler = join(this.path, 'filler');
    const { bfree, bsize } = statfsSync(this.path);
    // It needs blocks of its own, to say where the others are.
    spawnSync('fallocate', ['-l', String(bfree * bsize), filler]);
    return () => rmSync(filler);
  }

  destroy(): void {
    spawnSync('umount', ['--lazy', this.path]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #mount(): void {
    // The journal is written on fsync only.
    execFileSync('mount', ['-o', 'loop,commit=600', this.#image, this.path], { stdio: 'pipe' });
  }
}

function canMount(): boolean {
  try {
    Disk.create().destroy();
    return true;
  } catch (error) {
    console.warn(`SKIPPED: this process cannot mount a file system (${String(error)})`);
    return false;
  }
}

/** Only root may mount, and not in every container. */
export const hasDisks = canMount();

/** `describe`, or `describe.skip` with a warning. */
export const describeWithDisk = hasDisks ? describe : describe.skip;
