import { UnreachableError, reach } from './reach.js';

/** Of the sandbox, and published with it: it opens nothing else, since the gateway refuses it where a vendor is not on this machine. */
export const DEMO_KEY = 'demo-key-for-this-machine-only';

/** The folder of the page, also behind a path prefix. The gateway serves its API under it. */
export const PAGE_URL = new URL('.', document.baseURI).href;

/** Control APIs of the sandbox. */
export interface SandboxUrls {
  readonly kigo: string;
  readonly kiip: string;
  readonly wallet: string;
  readonly redis?: string;
}

/** What the gateway says about itself: `config.json`. */
export interface ConsoleConfig {
  readonly version: string;
  /** Whether callers need a credential. */
  readonly sign_in: boolean;
  /** Null in production. */
  readonly sandbox: SandboxUrls | null;
}

let loaded: ConsoleConfig | undefined;

export async function loadConfig(): Promise<ConsoleConfig> {
  if (loaded) return loaded;
  const response = await reach(`${PAGE_URL}config.json`);
  if (!response.ok) throw new UnreachableError(`config.json: status ${response.status}`);
  loaded = (await response.json()) as ConsoleConfig;
  return loaded;
}

/** Known once somebody is signed in. */
export function consoleConfig(): ConsoleConfig {
  return loaded ?? { version: '', sign_in: true, sandbox: null };
}
