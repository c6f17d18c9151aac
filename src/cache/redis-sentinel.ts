/** What is used of a client that is connected to a Sentinel. */
interface SentinelClient {
  connect(): Promise<unknown>;
  disconnect(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
  sendCommand(args: string[]): Promise<unknown>;
  unref(): void;
}

/**
 * Asks all Sentinels where a master is, and takes the first answer. Each new connection asks again: after a failover, the old
 * master is down or rejects writes, and both end the connection.
 * @param url whose host is the name of the master
 * @returns the same URL with its address
 */
export async function findMaster(
  url: string,
  sentinels: readonly string[],
  newClient: (url: string) => SentinelClient,
): Promise<string> {
  const master = new URL(url);
  const asked = sentinels.map((sentinel) => askSentinel(newClient(sentinel), master.hostname));
  const [host, port] = await Promise.any(asked).catch((error: AggregateError) => {
    throw error.errors[0];
  });
  master.hostname = host.includes(':') ? `[${host}]` : host;
  master.port = port;
  return master.href;
}

async function askSentinel(client: SentinelClient, name: string): Promise<[host: string, port: string]> {
  client.on('error', () => undefined);
  client.unref();
  try {
    await client.connect();
    const address = await client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]);
    if (address === null) throw new Error('NOMASTER no Sentinel knows a master of this name');
    return address as [string, string];
  } finally {
    await client.disconnect().catch(() => undefined);
  }
}
