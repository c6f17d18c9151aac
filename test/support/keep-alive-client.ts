import { Pool } from 'undici';
import type { TrafficRun } from './traffic-run.js';
import type { Draw } from './random-draw.js';

export interface ClientCall {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

export interface ClientOptions {
  readonly kind: string;
  readonly origin: string;
  /** Between two requests, on average. */
  readonly everyMs: number;
  /** Each request on a connection of its own. */
  readonly closes?: boolean;
}

/**
 * A client with one connection, which it keeps for as long as the server lets it, and with requests at random times. It tries nothing
 * again: whatever is not answered with 200 is a fault.
 */
export function startClient(
  run: TrafficRun,
  { kind, origin, everyMs, closes = false }: ClientOptions,
  next: (draw: Draw) => ClientCall,
): void {
  const draw = run.nextDraw();
  const pool = new Pool(origin, { connections: 1, pipelining: closes ? 0 : 1 });
  run.loop(async () => {
    while (!run.stopped.aborted) {
      await run.pause(everyMs * (0.5 + draw.number()));
      await send(run, pool, kind, next(draw));
    }
    await pool.close();
  });
}

/** @returns the body of the response; undefined if it was a fault */
export async function send(
  run: TrafficRun,
  pool: Pool,
  kind: string,
  { path, headers, body }: ClientCall,
): Promise<string | undefined> {
  try {
    const response = await pool.request({
      method: body === undefined ? 'GET' : 'POST',
      path,
      headers,
      body: body ?? null,
    });
    const text = await response.body.text();
    run.count(kind, response.statusCode);
    if (response.statusCode === 200) return text;
    run.fault(`${kind}: ${response.statusCode} ${text.slice(0, 300)}`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    run.count(kind, code ?? message);
    run.fault(`${kind}: ${code} ${message}`);
  }
  return undefined;
}
