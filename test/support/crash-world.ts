import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CallbackSender, isAccepted } from './callback-sender.js';
import type { FeedEntry } from './callback-sender.js';
import type { CrashableGateway } from './crashable-gateway.js';
import { RetryingKiipClient } from './retrying-kiip-client.js';
import { waitFor } from './wait-for.js';

/** The number of callbacks in flight at once. */
export const IN_FLIGHT = 6;
export const WAIT_SECONDS = 120;

/** Reads the feed continuously, as a consumer does, while gateways are killed and restarted. */
export class FeedReader {
  readonly entries: FeedEntry[] = [];
  #stopped = false;
  readonly #sender = new CallbackSender(1);
  readonly #loop: Promise<void>;

  constructor(
    private readonly origin: string,
    public cursor?: string,
  ) {
    this.#loop = this.#read();
  }

  async finish(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    await this.#sender.close();
  }

  async #read(): Promise<void> {
    for (;;) {
      const last = this.#stopped;
      const page = await this.#sender.page(this.origin, this.cursor).catch(() => undefined);
      if (page) {
        this.entries.push(...page.items);
        this.cursor = page.next;
        if (last && page.items.length === 0) return;
      }
      await sleep(20);
    }
  }
}

/** A kill of the process of a gateway or of its embedded server. */
export interface Kill {
  readonly process: 'gateway' | 'server';
  /** While the gateway creates its database, soon after a process was started, or with callbacks in flight. */
  readonly moment: 'creation' | 'start' | 'traffic';
}

export interface Target {
  readonly gateway: CrashableGateway;
  /** In the order in which they happen. */
  readonly kills: readonly Kill[];
  readonly random: () => number;
}

/** Targets that share a database, the callbacks sent to them, and a reader of their feed. */
export interface World {
  readonly targets: readonly Target[];
  readonly kiip: RetryingKiipClient;
  readonly reader: FeedReader;
}

export function startWorld(targets: readonly Target[]): World {
  const origins = targets.map(({ gateway }) => gateway.origin);
  return {
    targets,
    kiip: new RetryingKiipClient(origins, { inFlight: IN_FLIGHT }),
    reader: new FeedReader(origins[0]!),
  };
}

export async function waitForMoment(
  moment: Kill['moment'],
  gateway: CrashableGateway,
  kiip: RetryingKiipClient,
  random: () => number,
): Promise<void> {
  if (moment === 'creation') {
    // A new database is about a thousand files, and most races are possible with the last ones.
    const enough = 950 - 950 * random() ** 4;
    await waitFor(
      'part of the database exists',
      () => countFiles(dataDirOf(gateway)) >= enough,
      WAIT_SECONDS,
    );
  } else if (moment === 'start') {
    // Most likely before the process listens.
    await sleep(random() * 1_500);
  } else {
    const enough = kiip.acknowledged.size + 1 + random() * 120;
    await waitFor('enough callbacks are acknowledged', () => kiip.acknowledged.size >= enough, WAIT_SECONDS);
    await sleep(random() * 10);
  }
}

/** Checks what the last processes report, and kills them. */
export async function inspect({ kiip, reader, targets }: World): Promise<void> {
  const sender = new CallbackSender();
  const { origin } = targets[0]!.gateway;
  const entries = await sender.ledger(origin);
  const byTransaction = Map.groupBy(entries, ({ transaction_id }) => transaction_id);
  expect(kiip.acknowledged.size).toBe(kiip.sent.size);
  for (const [transaction_id, responses] of kiip.acknowledged) {
    const found = byTransaction.get(transaction_id);
    // The callback is in the ledger once, with the id of every acknowledgement.
    expect(found?.map(({ id, status }) => ({ id, status }))).toEqual([
      { id: responses[0]!.id, status: 'recorded' },
    ]);
    expect(new Set(responses.map(({ id }) => id)).size).toBe(1);
    expect(responses.slice(1).map(({ outcome }) => outcome)).toEqual(
      responses.slice(1).map(() => 'duplicate'),
    );
  }
  // The ledger has no other entries, and the feed reader saw the same ones.
  expect(entries).toHaveLength(kiip.sent.size);
  expect(entries.every(isAccepted)).toBe(true);
  expect(reader.entries).toEqual(entries);
  // A repeat of any callback is a duplicate.
  const sample = [...kiip.sent.values()].slice(-100);
  const again = await Promise.all(sample.map((fields) => sender.callback(origin, fields)));
  expect(new Set(again.map(({ outcome }) => outcome))).toEqual(new Set(['duplicate']));
  await sender.close();

  for (const { gateway } of targets) {
    expect(gateway.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    await gateway.kill();
  }
}

export const dataDirOf = ({ env }: CrashableGateway) => env['DATA_DIR']!;

const serverFolder = (dataDir: string) => join(dataDir, 'postgresql', 'data');

/** Kills the embedded server of a folder. @returns whether there was one */
export function killServer(dataDir: string): boolean {
  try {
    const pid = readFileSync(join(serverFolder(dataDir), 'postmaster.pid'), 'utf8').split('\n')[0]!;
    // The process id may have been given to another process meanwhile.
    return worksIn(serverFolder(dataDir), pid) && process.kill(Number(pid), 'SIGKILL');
  } catch {
    return false;
  }
}

/** Kills the embedded server of a folder with all its processes. @returns how many there were */
export function killServerProcesses(dataDir: string): number {
  const pids = readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && worksIn(serverFolder(dataDir), name),
  );
  for (const pid of pids) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  return pids.length;
}

function worksIn(folder: string, pid: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === folder;
  } catch {
    return false;
  }
}

function countFiles(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true }).length;
  } catch {
    // The folder changes while it is read.
    return 0;
  }
}
