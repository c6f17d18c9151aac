import type { ControlRoute } from '../server/control-api.js';
import type { KigoAccountChange, KigoAccounts } from './kigo-accounts.js';
import type { KigoSandbox } from './kigo-sandbox.js';
import type { KigoSettings } from './kigo-settings.js';

type Handle = Pick<KigoSandbox, 'configure' | 'setAccount' | 'removeAccount' | 'revokeAllTokens' | 'reset'>;

/** The part of the control API that is Kigo's own: the same methods as the handle has. */
export function kigoControl(handle: Handle, accounts: KigoAccounts): ControlRoute[] {
  return [
    { method: 'GET', path: '/settings', help: 'all switches', run: () => handle.configure({}) },
    {
      method: 'PATCH',
      path: '/settings',
      help: 'change some: {"tokenTtlSeconds": 1}',
      run: ({ body }) => handle.configure(body as Partial<KigoSettings>),
    },
    {
      method: 'GET',
      path: '/accounts',
      help: 'all virtual accounts',
      run: () => ({ accounts: accounts.list() }),
    },
    {
      method: 'PUT',
      path: '/accounts',
      help: 'create or change one: {"external_user_id", "external_program_id", "unviewed_products": 3}',
      run: ({ body }) => handle.setAccount(body as KigoAccountChange),
    },
    {
      method: 'DELETE',
      path: '/accounts',
      help: 'remove one: {"external_user_id", "external_program_id"}',
      run: ({ body }) => ({ removed: handle.removeAccount(body as KigoAccountChange) }),
    },
    {
      method: 'DELETE',
      path: '/tokens',
      help: 'revoke every token',
      run: () => ({ revoked: handle.revokeAllTokens() }),
    },
    { method: 'POST', path: '/reset', help: 'everything as at the start', run: () => handle.reset() },
  ];
}
