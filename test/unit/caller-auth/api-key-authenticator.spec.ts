import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import * as fc from 'fast-check';
import { ApiKeyAuthenticator } from '../../../src/caller-auth/api-key-authenticator.js';
import { RouteDeclarationGuard } from '../../../src/caller-auth/route-declaration.guard.js';
import { CallerAuthService } from '../../../src/caller-auth/caller-auth.service.js';
import { readConfig } from '../../../src/config/read-config.js';
import { SecretFileWatcher } from '../../../src/config/secret-file-watcher.js';
import { baseEnvironment } from '../../support/gateway.js';
import { scale } from '../../support/scale.js';

function keys(list: string): ApiKeyAuthenticator {
  const config = readConfig({ ...baseEnvironment, API_KEYS: list });
  return new ApiKeyAuthenticator(config, new SecretFileWatcher(config));
}

async function callerOf(auth: CallerAuthService, authorization?: string): Promise<string | undefined> {
  const request = { headers: { authorization } } as FastifyRequest;
  await auth.authenticate(request);
  return request.caller;
}

describe('CallerAuthService', () => {
  const auth = new CallerAuthService(keys('shop:key-1,shop:key-2\napp:key-3'));

  it.each([
    ['key-1', 'shop'],
    ['key-2', 'shop'],
    ['key-3', 'app'],
  ])('authenticates %s as %s', async (key, name) => {
    expect(await callerOf(auth, `Bearer ${key}`)).toBe(name);
  });

  it('rejects every other string', async () => {
    const near = fc.tuple(fc.constantFrom('key-1', 'key-2', 'key-3'), fc.string({ maxLength: 3 }), fc.nat(5));
    const others = fc.oneof(
      fc.string(),
      near.map(([key, extra, at]) => key.slice(0, at) + extra + key.slice(at)),
      near.map(([key, extra, at]) => key.slice(0, at) + extra),
    );
    await fc.assert(
      fc.asyncProperty(
        others.filter((key) => !/^ *key-[123] *$/.test(key)),
        async (key) => {
          await expect(callerOf(auth, `Bearer ${key}`)).rejects.toThrow(/API key/);
        },
      ),
      { numRuns: scale(300, 3_000) },
    );
  });

  it('lets everybody call with CALLER_AUTH=none', async () => {
    const open = new CallerAuthService(undefined);

    expect(await callerOf(open)).toBeUndefined();
    expect(await callerOf(open, 'Bearer whatever')).toBeUndefined();
  });
});

describe('ApiKeyAuthenticator', () => {
  it('reports when each key was last used, by caller and position in the list', () => {
    const known = keys('shop:key-1,app:key-2,shop:key-3');
    known.authenticate('key-3');
    expect(known.keyUsage()).toEqual([
      { caller: 'shop', key: 1, lastUsedAt: undefined },
      { caller: 'app', key: 1, lastUsedAt: undefined },
      { caller: 'shop', key: 2, lastUsedAt: expect.any(Date) },
    ]);
  });
});

describe('RouteDeclarationGuard', () => {
  it('closes a route without @Public() and @RequireScope()', () => {
    const request = { caller: 'shop', routeOptions: { config: {} } };
    const context = { getArgByIndex: () => request } as unknown as ExecutionContext;
    expect(() => new RouteDeclarationGuard().canActivate(context)).toThrow('none of');
  });
});
