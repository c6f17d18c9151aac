import { GatewayProblem, RewardsGatewayClient } from '../../clients/typescript/src/index.js';
import type { Schemas } from '../../clients/typescript/src/index.js';
import { PAGE_URL, loadConfig } from './config.js';
import { reach } from './reach.js';
import { Store, useStore } from './store.js';

export type Scope = Schemas['Scope'];

/** Somebody is waiting: what can be tried again is tried for this long. */
const DEADLINE_MS = 3_000;

/** Who uses the page, as the gateway knows them. */
export interface Session {
  /** Empty where the gateway needs none. */
  readonly token: string;
  readonly name: string | null;
  readonly scopes: readonly Scope[];
}

export type SessionState =
  | { readonly kind: 'checking' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'out'; readonly message?: string }
  | { readonly kind: 'in'; readonly session: Session };

/** sessionStorage: for this tab, and until it is closed. */
const KEY = 'rewards-gateway.credential';

/** Why somebody is at the form again. */
export const REFUSED = 'The gateway no longer accepts the credential. Sign in again with one that is valid.';

const state = new Store<SessionState>({ kind: 'checking' });

export function useSession(): SessionState {
  return useStore(state);
}

/** The credential of requests. */
export function currentToken(): string {
  const current = state.get();
  return current.kind === 'in' ? current.session.token : '';
}

/** Whether the credential may do that. What it may not do is not shown. */
export function can(scope: Scope): boolean {
  const current = state.get();
  return current.kind === 'in' && current.session.scopes.includes(scope);
}

/** Continues where the tab was before it was loaded again. */
export async function restoreSession(): Promise<void> {
  state.set({ kind: 'checking' });
  const token = sessionStorage.getItem(KEY);
  try {
    const { sign_in: needsCredential } = await loadConfig();
    if (token === null && needsCredential) state.set({ kind: 'out' });
    else await signIn(token ?? '');
  } catch (error) {
    if (error instanceof GatewayProblem && error.status === 401) signOut(REFUSED);
    else state.set({ kind: 'failed', error });
  }
}

/** @throws what the gateway has against the credential */
export async function signIn(token: string): Promise<void> {
  const { name, scopes } = await new RewardsGatewayClient({
    url: PAGE_URL,
    token,
    deadlineMs: DEADLINE_MS,
    fetch: reach,
  }).getCaller();
  if (token !== '') sessionStorage.setItem(KEY, token);
  state.set({ kind: 'in', session: { token, name, scopes } });
}

/** What one person was shown is not for the next. */
export function onSignOut(forget: () => void): void {
  state.subscribe(() => {
    if (state.get().kind === 'out') forget();
  });
}

/** @param message why, for the person */
export function signOut(message?: string): void {
  sessionStorage.removeItem(KEY);
  state.set({ kind: 'out', ...(message !== undefined && { message }) });
}
