import type { FastifyRequest } from 'fastify';
import * as fc from 'fast-check';
import { CallerAuth } from '../../src/caller-auth/caller-auth.js';
import { readConfig } from '../../src/config/read-config.js';
import { baseEnvironment } from '../support/gateway.js';

function authWith(env: Record<string, string>): CallerAuth {
  return new CallerAuth(readConfig({ ...baseEnvironment, ...env }));
}

function callerOf(auth: CallerAuth, authorization?: string): string | undefined {
  const request = { headers: { authorization } } as FastifyRequest;
  auth.authenticate(request);
  return request.caller;
}

describe('callers', () => {
  const auth = authWith({ API_KEYS: 'shop:key-1,shop:key-2\napp:key-3' });

  it.each([
    ['key-1', 'shop'],
    ['key-2', 'shop'],
    ['key-3', 'app'],
  ])('with %s are %s', (key, name) => {
    expect(callerOf(auth, `Bearer ${key}`)).toBe(name);
  });

  it('with any other text are nobody', () => {
    const near = fc.tuple(fc.constantFrom('key-1', 'key-2', 'key-3'), fc.string({ maxLength: 3 }), fc.nat(5));
    const keys = fc.oneof(
      fc.string(),
      near.map(([key, text, at]) => key.slice(0, at) + text + key.slice(at)),
      near.map(([key, text, at]) => key.slice(0, at) + text),
    );
    fc.assert(
      fc.property(
        keys.filter((key) => !/^ *key-[123] *$/.test(key)),
        (key) => {
          expect(() => callerOf(auth, `Bearer ${key}`)).toThrow(/API key/);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('are not asked for anything with CALLER_AUTH=none', () => {
    const open = authWith({ CALLER_AUTH: 'none' });

    expect(callerOf(open)).toBeUndefined();
    expect(callerOf(open, 'Bearer whatever')).toBeUndefined();
  });
});
