import type { HttpRequest } from '../server/simulated-service.js';

export const KIIP_ROUTES = ['session', 'moment', 'reward', 'other'] as const;
export type KiipRoute = (typeof KIIP_ROUTES)[number];

/** What a path is for, with the methods it takes. */
export interface KiipEndpoint {
  route: Exclude<KiipRoute, 'other'>;
  methods: readonly string[];
  path: string;
}

/** The endpoint of a raw URL; undefined when it is none. */
export function kiipEndpoint({ url }: Pick<HttpRequest, 'url'>): KiipEndpoint | undefined {
  const path = url.replace(/[?#].*$/s, '');
  if (/^\/2\.0\/server\/session\/?$/.test(path)) return { route: 'session', methods: ['POST'], path };
  if (/^\/2\.0\/server\/moment\/?$/.test(path)) return { route: 'moment', methods: ['POST'], path };
  if (/^\/reward\/./.test(path)) return { route: 'reward', methods: ['GET', 'POST'], path };
  return undefined;
}
