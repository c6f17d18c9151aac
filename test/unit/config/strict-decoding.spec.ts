import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reloadSecret } from '../../../src/config/read-config.js';
import { configErrors, consumers, envs, read, table } from '../../support/config.js';

const source = new URL('../../../src/', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'gateway-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A value that each secret accepts. */
const valid: Record<string, string> = {
  KIGO_PARTNER_ID: 'partner-é',
  KIGO_API_KEY: 'key-é',
  KIIP_APP_KEY: 'app-é',
  KIIP_APP_SECRETS: 'secret-é-0123456789',
  API_KEYS: 'app:key-0123456789',
  HTTP_PROXY: 'http://127.0.0.1:3128',
  HTTPS_PROXY: 'http://127.0.0.1:3128',
  REDIS_URL: 'redis://127.0.0.1',
  REDIS_SENTINELS: 'redis://127.0.0.1',
  DATABASE_URL: 'postgres://127.0.0.1/db',
  DELIVERY_CONSUMERS: consumers({}),
};
const secrets = envs(({ secret }) => secret);

function file(content: string | Buffer): string {
  const path = join(folder, crypto.randomUUID());
  writeFileSync(path, content);
  return path;
}
const fromFile = (name: string, content: string | Buffer) =>
  configErrors({ [name]: undefined, [`${name}_FILE`]: file(content) });

describe('the bytes of a secret', () => {
  it.each(secrets)('are UTF-8, or stop the start: %s', (name) => {
    const text = valid[name]!;
    const wrong: [string, Buffer][] = [
      ['UTF-16', Buffer.from(`\uFEFF${text}`, 'utf16le')],
      ['UTF-16 without a byte order mark', Buffer.from(text, 'utf16le')],
      ['UTF-16, big-endian', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
      ['Latin-1', Buffer.from(`${text}é`, 'latin1')],
      ['a byte that is no UTF-8', Buffer.concat([Buffer.from(text), Buffer.of(0xff)])],
      ['half a character', Buffer.concat([Buffer.from(text), Buffer.of(0xc3)])],
      ['an encoded surrogate', Buffer.concat([Buffer.from(text), Buffer.of(0xed, 0xa0, 0x80)])],
      ['a zero byte', Buffer.from(`${text}\0`)],
      ['another control character', Buffer.from(`${text}\u0007`)],
    ];
    for (const [encoding, bytes] of wrong) {
      const errors = fromFile(name, bytes);
      expect([encoding, errors]).toEqual([
        encoding,
        [expect.stringMatching(new RegExp(`^${name} (is not UTF-8|must not contain .*control characters)`))],
      ]);
    }
    expect(fromFile(name, text)).toEqual([]);
    // A byte order mark is no part of the secret.
    expect(fromFile(name, `\uFEFF${text}\n`)).toEqual([]);
  });

  it.each(table)('%s: a value in which Node.js has replaced bytes stops the start', (_, { env }) => {
    expect(configErrors({ [env]: 'a\uFFFDb' })).toContain(`${env} is not valid UTF-8`);
  });

  it('with a control character are no secret of a list either', () => {
    for (const control of ['\0', '\t', '\r', '\u0085'])
      expect(configErrors({ KIIP_APP_SECRETS: `first-0123456789,a${control}b-0123456789` })).toEqual([
        'KIIP_APP_SECRETS must not contain control characters',
      ]);
  });

  it('are refused as well when the file changes', () => {
    const path = file('secret-0123456789');
    const config = read({ KIIP_APP_SECRETS: undefined, KIIP_APP_SECRETS_FILE: path });
    for (const content of [
      Buffer.from('\uFEFFother-0123456789', 'utf16le'),
      Buffer.from('other\0'),
      Buffer.of(0xff),
    ]) {
      writeFileSync(path, content);
      expect(() => reloadSecret(config, 'kiipAppSecrets')).toThrow(/not UTF-8|control characters/);
    }
    writeFileSync(path, '\uFEFFother-0123456789');
    expect(reloadSecret(config, 'kiipAppSecrets')).toEqual(['other-0123456789']);
  });
});

describe('the source', () => {
  /** Files of this installation and of the operating system, which no stranger writes. */
  const OWN_FILES = /^(log\/error-summary|http\/openapi-document|database\/embedded-[a-z]+)\.ts$/;

  it('decodes bytes in one place, which refuses what is not UTF-8', () => {
    const decoders =
      /\.toString\(('utf-?8')?\)|\.setEncoding\(|new TextDecoder|StringDecoder|\.(text|json)\(\)|readFile(Sync)?\([^)]*'utf-?8'|encoding: 'utf-?8'|(update|final)\([^)]*'utf-?8'\)/;
    const found = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !OWN_FILES.test(name))
      .flatMap((name) =>
        readFileSync(new URL(name, source), 'utf8')
          .split('\n')
          .filter((line) => decoders.test(line))
          .map((line) => `${name}: ${line.trim()}`),
      );
    expect(found.toSorted()).toEqual([
      "config/utf8.ts: const DECODER = new TextDecoder('utf-8', { fatal: true });",
      // Encodes: the text is ours.
      "kigo-auth/shared-token-store.ts: const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);",
      // Accepted only if encoding it again gives the same text.
      "ledger/ledger-feed.ts: const plain = Buffer.from(text, 'base64url').toString();",
      'metrics/metrics.controller.ts: return this.metrics.text();',
    ]);
  });
});
