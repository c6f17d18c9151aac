import type { ScenarioName } from './callback-scenarios.js';
import { SCENARIOS } from './callback-scenarios.js';
import type { BatchOptions, CallbackSpec } from './callback-spec.js';
import { checkMembers, anything } from '../server/check.js';
import type { ControlRoute } from '../server/control-api.js';
import type { CallbackUrls } from './kiip-callbacks.js';
import type { KiipSandbox } from './kiip-sandbox.js';
import type { KiipSettings } from './kiip-settings.js';

type Handle = Omit<KiipSandbox, 'url' | 'port' | 'close'>;

/** The part of the control API that is Kiip's own: the same methods as the handle has. */
export function kiipControl(handle: Handle): ControlRoute[] {
  return [
    { method: 'GET', path: '/settings', help: 'all switches', run: () => handle.configure({}) },
    {
      method: 'PATCH',
      path: '/settings',
      help: 'change some: {"momentRule": "never"}',
      run: ({ body }) => handle.configure(body as Partial<KiipSettings>),
    },
    {
      method: 'GET',
      path: '/sessions',
      help: 'the latest session of each device',
      run: () => ({ sessions: handle.sessions() }),
    },
    {
      method: 'GET',
      path: '/rewards',
      help: 'rewards given, oldest first',
      run: () => ({ rewards: handle.rewards() }),
    },
    {
      method: 'POST',
      path: '/redeem',
      help: 'redeem as its page does: {"reward": "<view id>"}, or {} for the latest',
      run: async ({ body }) => {
        checkMembers(body, { reward: anything });
        return { delivery: (await handle.redeem((body as { reward?: string }).reward)) ?? null };
      },
    },
    {
      method: 'POST',
      path: '/callbacks',
      help: 'send one: {} or {"kind": "issuance"} or {"copyOf": "latest"} …',
      run: ({ body }) => handle.sendCallback(body as CallbackSpec),
    },
    {
      method: 'POST',
      path: '/callbacks/batch',
      help: 'send several: {"callbacks": [{}], "copies": 20, "order": "at-once"}',
      run: async ({ body }) => {
        checkMembers(body, { callbacks: anything, order: anything, copies: anything }, ['callbacks']);
        const { callbacks, ...options } = body as BatchOptions & { callbacks: CallbackSpec[] };
        return { deliveries: await handle.sendCallbacks(callbacks, options) };
      },
    },
    {
      method: 'POST',
      path: '/callbacks/scenario',
      help: `play one: {"name": "${Object.keys(SCENARIOS).join('|')}"}`,
      run: async ({ body }) => {
        checkMembers(body, { name: anything }, ['name']);
        return { deliveries: await handle.playScenario((body as { name: ScenarioName }).name) };
      },
    },
    {
      method: 'GET',
      path: '/callbacks',
      help: 'every callback sent: status, body, attempts',
      run: () => ({ deliveries: handle.deliveries() }),
    },
    {
      method: 'PUT',
      path: '/callback-url',
      help: 'where to: {"url", "issuanceUrl"}',
      run: ({ body }) => {
        checkMembers(body, { url: anything, issuanceUrl: anything }, ['url']);
        const { url, issuanceUrl } = body as Partial<CallbackUrls>;
        handle.setCallbackUrl(url ?? null, issuanceUrl ?? null);
      },
    },
    { method: 'POST', path: '/reset', help: 'everything as at the start', run: () => handle.reset() },
  ];
}
