import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import * as fc from 'fast-check';
import { ApiKeyAuthenticator } from '../../../src/caller-auth/api-key-authenticator.js';
import { RouteDeclarationGuard } from '../../../src/caller-auth/auth.guard.js';
import { CallerAuthService } from '../../../src/caller-auth/caller-auth.service.js';
import { readConfig } from '../../../src/config/read-config.js';
import { SecretFileWatcher } from '../../../src/config/secret-file-watcher.js';
import { baseEnvironment } from '../../support/gateway.js';

function keys(list: string): ApiKeyAuthenticator {
  const config = readConfig({ ...baseEnvironment, API_KEYS: list });
  return new ApiKeyAuthenticator(config, new SecretFileWatcher(config));
}

async function callerOf(auth: CallerAuthService, authorization?: string): Promise<string | undefined> {
  const request = { headers: { authorization } } as FastifyRequest;
  await auth.authenticate(request);
  return request.caller;
}

describe('callers', () => {
  const auth = new CallerAuthService(keys('shop:key-1,shop:key-2\napp:key-3'));

  it.each([
    ['key-1', 'shop'],
    ['key-2', 'shop'],
    ['key-3', 'app'],
  ])('with %s are %s', async (key, name) => {
    expect(await callerOf(auth, `Bearer ${key}`)).toBe(name);
  });

  it('with any other text are nobody', async () => {
    const near = fc.tuple(fc.constantFrom('key-1', 'key-2', 'key-3'), fc.string({ maxLength: 3 }), fc.nat(5));
    const texts = fc.oneof(
      fc.string(),
      near.map(([key, text, at]) => key.slice(0, at) + text + key.slice(at)),
      near.map(([key, text, at]) => key.slice(0, at) + text),
    );
    await fc.assert(
      fc.asyncProperty(
        texts.filter((key) => !/^ *key-[123] *$/.test(key)),
        async (key) => {
          await expect(callerOf(auth, `Bearer ${key}`)).rejects.toThrow(/API key/);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('are not asked for anything with CALLER_AUTH=none', async () => {
    const open = new CallerAuthService(undefined);

    expect(await callerOf(open)).toBeUndefined();
    expect(await callerOf(open, 'Bearer whatever')).toBeUndefined();
  });
});

describe('an API key', () => {
  it('tells when it was last used, by caller and place in the list', () => {
    const known = keys('shop:key-1,app:key-2,shop:key-3');
    known.authenticate('key-3');
    expect(known.keyUsage()).toEqual([
      { caller: 'shop', key: 1, lastUsedAt: undefined },
      { caller: 'app', key: 1, lastUsedAt: undefined },
      { caller: 'shop', key: 2, lastUsedAt: expect.any(Date) },
    ]);
  });
});

describe('a route that nobody has said anything about', () => {
  it('is closed', () => {
    const context = {
      getHandler: () => keys,
      getClass: () => CallerAuthService,
      switchToHttp: () => ({ getRequest: () => ({ caller: 'shop' }) }),
    } as unknown as ExecutionContext;
    expect(() => new RouteDeclarationGuard(new Reflector()).canActivate(context)).toThrow('neither');
  });
});
