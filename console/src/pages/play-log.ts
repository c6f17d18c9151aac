import type { Schemas } from '../api.js';
import { onSignOut } from '../session.js';
import { Store } from '../store.js';
import { PARTIES, WHERE, curl, read, send, written } from './play-request.js';
import type { PlayRequest, PlayResponse } from './play-request.js';
import type { Step, Story } from './play-steps.js';

/** One call that was made: by this page, by Kiip or by the gateway. */
export interface Line {
  readonly key: string;
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly way: string;
  readonly text: string;
  readonly sent: string;
  /** Undefined: nobody answered. */
  readonly status: number | undefined;
  readonly answer: string;
  readonly curl?: string;
  /** How many calls were the same. */
  readonly count: number;
}

/** More is not read anyway. */
const MAX_LINES = 100;
const KINDS = { redemption: 'a redemption', issuance: 'an issuance' };

/** Newest first. They outlast the page, since people look at the others meanwhile. */
export const lines = new Store<readonly Line[]>([]);
export const story = new Store<Story>({ reward: undefined, recorded: undefined });
const seen = new Set<string>();
onSignOut(() => {
  lines.set([]);
  story.set({ reward: undefined, recorded: undefined });
  seen.clear();
});

/** Does what the step says, and lists it. */
export async function play(step: Pick<Step, 'text' | 'requests'>): Promise<void> {
  for (const part of step.requests(story.get())) {
    const at = Date.now();
    const request = typeof part === 'function' ? await part().catch(() => undefined) : part;
    const response = request && (await send(request).catch(() => undefined));
    if (request && response?.status === 200 && request.url.endsWith('/kiip/moments')) {
      const { reward } = JSON.parse(response.text) as Schemas['Moment'];
      if (reward) story.set({ ...story.get(), reward });
    }
    add(own(step.text, at, request, response));
    if (response?.status !== 200 && response?.status !== 204) return;
  }
}

function own(text: string, at: number, request?: PlayRequest, response?: PlayResponse): Line {
  return {
    key: `own-${at}-${lines.get().length}`,
    at,
    way: `You → ${request ? PARTIES[request.to] : 'the sandbox'}`,
    text,
    sent: request ? written(request) : '',
    status: response?.status,
    answer: response?.text ?? `No answer. ${WHERE}`,
    ...(request && { curl: curl(request) }),
    count: 1,
  };
}

interface Callback {
  readonly id: number;
  readonly kind: keyof typeof KINDS;
  readonly url: string;
  readonly contentType: string;
  readonly sent: string;
  readonly history: readonly { at: number; status: number | null; body: string; error: string | null }[];
}

interface Received {
  readonly at: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number | null;
}

/** Lists what Kiip has sent to the gateway, and the gateway to the wallet, since the last time. */
export async function watch(signal: AbortSignal): Promise<void> {
  const [{ deliveries }, { requests }] = await Promise.all([
    read<{ deliveries: Callback[] }>('kiip', `/callbacks?last=${MAX_LINES}`, signal),
    read<{ requests: Received[] }>('wallet', `/requests?route=events&last=${MAX_LINES}`, signal),
  ]);
  const recorded = deliveries.findLast(({ history }) => history.at(-1)?.body.includes('"recorded"'))?.id;
  if (recorded !== story.get().recorded) story.set({ ...story.get(), recorded });
  for (const line of [...deliveries.flatMap(fromKiip), ...requests.flatMap(toWallet)])
    if (!seen.has(line.key)) {
      seen.add(line.key);
      add(line);
    }
}

function fromKiip({ id, kind, url, contentType, sent, history }: Callback): Line[] {
  return history.map(({ at, status, body, error }) => ({
    key: `kiip-${id}-${at}`,
    at,
    way: `${PARTIES.kiip} → ${PARTIES.gateway}`,
    text: `Callback: ${KINDS[kind]}`,
    sent: `POST ${url}\n${sent}`,
    status: status ?? undefined,
    answer: status === null ? `No answer: ${error}` : body,
    curl: curl({ to: 'gateway', method: 'POST', url, headers: { 'content-type': contentType }, body: sent }),
    count: 1,
  }));
}

function toWallet({ at, headers, body, status }: Received): Line[] {
  const id = headers['webhook-id'] ?? '';
  const data = dataOf(body);
  return [
    {
      key: `wallet-${id}-${at}`,
      at,
      way: `${PARTIES.gateway} → ${PARTIES.wallet}`,
      text: data
        ? `Event: ${data.quantity ?? ''} ${data.name ?? 'coins'} for ${data.user_id ?? ''}`
        : 'Event without an entry',
      sent: body,
      status: status ?? undefined,
      answer: JSON.stringify({ status, id }),
      count: 1,
    },
  ];
}

/** The wallet takes anything: undefined where it is no event about an entry, such as a test. */
function dataOf(body: string): { quantity?: number; name?: string; user_id?: string } | undefined {
  try {
    const { type, data } = JSON.parse(body) as { type?: string; data?: object };
    return type?.startsWith('kiip.') ? data : undefined;
  } catch {
    return undefined;
  }
}

/** What is the same as another line of that second or so is counted there. */
function add(line: Line): void {
  const all = lines.get();
  const isSame = (other: Line) =>
    line.way === other.way &&
    line.sent === other.sent &&
    line.answer === other.answer &&
    Math.abs(line.at - other.at) < 1_500;
  const same = line.key.startsWith('own') ? undefined : all.find(isSame);
  const next = same
    ? all.map((other) => (other === same ? { ...other, count: other.count + 1 } : other))
    : [line, ...all].toSorted((one, other) => other.at - one.at);
  lines.set(next.slice(0, MAX_LINES));
}

/** The entry that an answer names, and the outcome of the callback. */
export function outcomeOf({ answer }: Line): { status?: string; entry?: string } {
  const status = /"status":"(\w+)"/.exec(answer)?.[1];
  const entry = /\biss_[0-9a-f]+/.exec(answer)?.[0];
  return { ...(status && { status }), ...(entry && { entry }) };
}
