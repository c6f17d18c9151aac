import { SCENARIOS } from './callback-scenarios.js';
import { BATCH_OPTIONS } from './callback-spec.js';
import type { CallbackSpec } from './callback-spec.js';
import { z } from 'zod';
import { lastOf, parseInput } from '../server/control-input.js';
import type { ControlRoute } from '../server/control-api.js';
import { CALLBACK_URLS, SCENARIO } from './kiip-callbacks.js';
import type { KiipSandbox } from './kiip-sandbox.js';
import type { KiipSettings } from './kiip-settings.js';

type Handle = Omit<KiipSandbox, 'url' | 'port' | 'close'>;

const REDEEM = z.strictObject({ reward: z.string().optional() });
const BATCH = BATCH_OPTIONS.extend({ callbacks: z.array(z.custom<CallbackSpec>()) });

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
        const { reward } = parseInput(REDEEM, body);
        return { delivery: (await handle.redeem(reward)) ?? null };
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
        const { callbacks, ...options } = parseInput(BATCH, body);
        return { deliveries: await handle.sendCallbacks(callbacks, options) };
      },
    },
    {
      method: 'POST',
      path: '/callbacks/scenario',
      help: `play one: {"name": "${Object.keys(SCENARIOS).join('|')}"}`,
      run: async ({ body }) => {
        const { name } = parseInput(SCENARIO, body);
        return { deliveries: await handle.playScenario(name) };
      },
    },
    {
      method: 'GET',
      path: '/callbacks',
      help: 'every callback sent: status, body, attempts; ?last=100',
      run: ({ query }) => ({ deliveries: lastOf(handle.deliveries(), query) }),
    },
    {
      method: 'PUT',
      path: '/callback-url',
      help: 'where to: {"url", "issuanceUrl"}',
      run: ({ body }) => {
        const { url, issuanceUrl } = parseInput(CALLBACK_URLS, body);
        handle.setCallbackUrl(url, issuanceUrl);
      },
    },
    { method: 'POST', path: '/reset', help: 'everything as at the start', run: () => handle.reset() },
  ];
}
