import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { startKigoSandbox, startKiipSandbox } from '@rewards-gateway/sandbox';
import { readConfig } from '../../src/config/read-config.js';
import { envs, configErrorsOf } from '../support/config.js';
import { demonstrationSecrets, vendorUrls } from '../support/demonstration.js';
import { startKiipGateway } from '../support/kiip.js';

interface Service {
  image: string;
  command: string[];
  environment: Record<string, string>;
  ports: string[];
  depends_on: object;
  stop_grace_period: string;
  volumes: string[];
  healthcheck: { test: string[] };
}

const { services, volumes } = parse(readFileSync(new URL('../../compose.yaml', import.meta.url), 'utf8')) as {
  services: Record<'gateway' | 'vendors' | 'redis' | 'postgres', Service>;
  volumes: object;
};
const { gateway, vendors, redis, postgres } = services;
const { environment } = gateway;

/** The exit code of a health check, with other ports than those in the file. */
async function outcome({ healthcheck }: Service, ports: Record<number, string>): Promise<unknown> {
  const [kind, command, ...args] = healthcheck.test;
  expect([kind, command]).toEqual(['CMD', 'node']);
  // Compose takes a single dollar for a variable of its own.
  const script = args
    .at(-1)!
    .replaceAll('$$', '$')
    .replaceAll(/\b300\d\b/g, (port) => ports[Number(port)]!);
  const child = spawn(process.execPath, [...args.slice(0, -1), script], { stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

describe('compose.yaml', () => {
  it('gives the gateway variables of the program only, and all that it requires', () => {
    expect(Object.keys(environment).filter((name) => !envs(() => true).includes(name))).toEqual([]);
    expect(configErrorsOf(environment)).toEqual([]);
  });

  it('gives the gateway what the simulated vendors expect', () => {
    expect(environment).toMatchObject({ ...vendorUrls, ...demonstrationSecrets });
    expect(vendors.image).not.toBe(gateway.image);
    expect(vendors).toMatchObject({
      build: { context: '.', target: 'sandbox' },
      network_mode: 'service:gateway',
    });
  });

  it('publishes the ports of the gateway and the vendors on the loopback address only', () => {
    const { port } = readConfig(environment);
    const ports = [port, ...Object.values(vendorUrls).map((url) => new URL(url).port)];
    expect(gateway.ports).toEqual(ports.map((one) => `127.0.0.1:${one}:${one}`));
  });

  it('connects the gateway to the stores that it starts, once they are healthy', () => {
    const [cache, database] = [new URL(environment['REDIS_URL']!), new URL(environment['DATABASE_URL']!)];
    expect(
      [cache.hostname, database.hostname].map(
        (host) => Object.entries(services).find(([name]) => name === host)?.[1],
      ),
    ).toEqual([redis, postgres]);
    expect([cache.port, database.port]).toEqual(['6379', '5432']);
    expect(postgres.environment).toEqual({
      POSTGRES_USER: database.username,
      POSTGRES_PASSWORD: database.password,
      POSTGRES_DB: database.pathname.slice(1),
    });
    expect(postgres.volumes.map((volume) => volume.split(':')[0])).toEqual(Object.keys(volumes));
    expect(gateway.depends_on).toEqual({
      redis: { condition: 'service_healthy' },
      postgres: { condition: 'service_healthy' },
    });
  });

  it('gives the gateway time to drain', () => {
    const seconds = /^(\d+)s$/.exec(gateway.stop_grace_period)?.[1];
    expect(Number(seconds)).toBeGreaterThan(readConfig(environment).shutdownGraceSeconds);
  });

  it('has a health check that passes while the gateway is ready and fails after it stops', async () => {
    const running = await startKiipGateway();
    const ports = { 3000: new URL(running.url).port };
    const whileReady = await outcome(gateway, ports);
    await running.close();
    expect([whileReady, await outcome(gateway, ports)]).toEqual([0, 1]);
  });

  it('has a health check that requires both vendors', async () => {
    const [kigo, kiip] = await Promise.all([startKigoSandbox(), startKiipSandbox()]);
    const ports = { 3001: new URL(kigo.url).port, 3002: new URL(kiip.url).port };
    const withBoth = await outcome(vendors, ports);
    await kiip.close();
    const withOne = await outcome(vendors, ports);
    await kigo.close();
    expect([withBoth, withOne]).toEqual([0, 1]);
  });
});
