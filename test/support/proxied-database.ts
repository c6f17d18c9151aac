import { newDatabase } from './databases.js';
import type { TestDatabase } from './databases.js';
import { FaultProxy } from './fault-proxy.js';

/** A database behind a proxy: `env` leads through it, and its other members past it. */
export interface ProxiedDatabase extends TestDatabase {
  readonly proxy: FaultProxy;
}

export async function newProxiedDatabase(): Promise<ProxiedDatabase> {
  const database = await newDatabase();
  const url = new URL(database.url);
  const proxy = await FaultProxy.to(Number(url.port));
  url.port = String(proxy.port);
  return {
    ...database,
    env: { DATABASE_URL: url.href },
    proxy,
    async drop() {
      await proxy.close();
      await database.drop();
    },
  };
}
