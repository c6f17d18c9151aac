import { Logger } from '@nestjs/common';
import { createLocalJWKSet, errors } from 'jose';
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';

const limitMs = 5_000;
const limitBytes = 1024 * 1024;
/** Keys that the issuer has withdrawn are forgotten after this time, as soon as the issuer can be asked. */
const oldMs = 300_000;
/** A key that nobody knows makes us ask again, but no more often: anybody can make one up. */
const restMs = 10_000;
const restWithoutKeysMs = 1_000;

/** The issuer cannot be asked, so nothing can be said of a token. */
export class KeysUnavailable extends Error {}

/** The keys that an issuer publishes (RFC 7517). While it cannot be asked, the last ones that it gave stay in use. */
export class IssuerKeys {
  private readonly logger = new Logger('CallerAuth');
  private keys: JWTVerifyGetKey | undefined;
  private askedAt = -Infinity;
  private failing = false;
  private flight: Promise<void> | undefined;

  constructor(private readonly url: string) {}

  /**
   * The key of a token, as jose asks for it.
   * @throws KeysUnavailable when there are no keys, or none fits and the issuer cannot be asked for newer ones; JOSEError
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const known = this.keys;
    if (known) {
      if (Date.now() - this.askedAt > oldMs) void this.refresh(restMs);
      try {
        return await known(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      }
    }
    await this.refresh(known ? restMs : restWithoutKeysMs);
    if (!this.keys) throw new KeysUnavailable();
    try {
      return await this.keys(header, token);
    } catch (error) {
      throw this.failing && error instanceof errors.JWKSNoMatchingKey ? new KeysUnavailable() : error;
    }
  };

  /** Asks the issuer, unless that was done a short while ago. */
  private async refresh(rest: number): Promise<void> {
    if (!this.flight && Date.now() - this.askedAt < rest) return;
    this.flight ??= this.ask().finally(() => (this.flight = undefined));
    await this.flight;
  }

  private async ask(): Promise<void> {
    this.askedAt = Date.now();
    try {
      const set = JSON.parse(await this.fetch()) as JSONWebKeySet;
      // What is no key set at all is refused here.
      const keys = createLocalJWKSet(set);
      if (set.keys.length === 0) throw new Error('the set is empty');
      this.keys = keys;
      if (this.failing) this.logger.log({ msg: 'the keys of the token issuer can be read again' });
      this.failing = false;
    } catch (error) {
      if (!this.failing)
        this.logger.warn({
          msg: 'the keys of the token issuer cannot be read; the last ones stay in use',
          reason: error instanceof Error ? error.name : 'unknown',
        });
      this.failing = true;
    }
  }

  private async fetch(): Promise<string> {
    const response = await fetch(this.url, {
      headers: { accept: 'application/jwk-set+json, application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(limitMs),
    });
    if (!response.ok || !response.body) throw new Error('the issuer gave no keys');
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.length;
      if (size > limitBytes) throw new Error('the answer is too large');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}
