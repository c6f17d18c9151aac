import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '../../src/database/database.js';
import { EmbeddedServer } from '../../src/database/embedded-server.js';
import { startProcess } from './gateway-process.js';
import type { GatewayProcess } from './gateway-process.js';
import { redemption } from './kiip.js';

export const newFolder = () => mkdtempSync(join(tmpdir(), 'gateway-data-'));
export const removeFolder = (folder: string) =>
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });

/** A DATA_DIR with a migrated database, which tests copy: to create one takes a second of processor. */
export async function createTemplate(): Promise<string> {
  const template = newFolder();
  const database = new Database({ server: new EmbeddedServer(template), timeoutMs: 10_000 });
  await database.migrate();
  await database.close();
  return template;
}

export function copyOf(template: string): string {
  const folder = newFolder();
  execFileSync('cp', ['-a', `${template}/.`, folder]);
  return folder;
}

export const clusterOf = (dataDir: string) => join(dataDir, 'postgresql', 'data');

/** The process id of the server that wrote this file, which it removes when it shuts down. */
export const serverPidOf = (dataDir: string) =>
  Number(readFileSync(join(clusterOf(dataDir), 'postmaster.pid'), 'utf8').split('\n')[0]);

export function isAlive(pid: number): boolean {
  try {
    // A child of a test that has ended stays as a zombie until it is waited for.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export const startOn = (dataDir: string) => startProcess({ DATABASE_URL: '', DATA_DIR: dataDir });

export async function startReadyOn(dataDir: string): Promise<GatewayProcess> {
  const gateway = startOn(dataDir);
  await gateway.logged('database ready');
  return gateway;
}

/** Sends a callback. Resolves to the status of the response. */
export async function sendTo(gateway: GatewayProcess): Promise<number> {
  const response = await fetch(`${await gateway.url()}/callbacks/kiip`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(redemption()),
  });
  return response.status;
}

/** The sentence with which a start ended. */
export async function fatalOf(gateway: GatewayProcess): Promise<unknown> {
  expect(await gateway.ended).toEqual({ code: 1, signal: null });
  return gateway.log().find(({ level }) => level === 'fatal')?.['msg'];
}
