import type { HttpResponse } from '../server/http-response.js';
import { buildResponse, isResponseFault } from './response-faults.js';
import type { FaultContext } from './response-faults.js';
import type { Fault, ConnectionFault } from './fault.js';
import type { FaultResponse } from '../server/fault-response.js';

// Long enough for the client to read what was sent before the connection breaks.
const BEFORE_BREAK_MS = 10;

/**
 * Applies a fault to one call. The normal response is made when the call arrives, not when it is sent at last: a slow
 * response shows the state at arrival.
 */
export async function applyFault(
  fault: Fault,
  response: FaultResponse,
  context: FaultContext,
): Promise<void> {
  if (isResponseFault(fault)) return response.send(buildResponse(fault, context));
  if (fault.kind === 'hang') return undefined;
  if (fault.kind === 'reset') return response.reset();
  return applySlowly(fault, response, context.normalResponse());
}

type SlowFault = Exclude<ConnectionFault, { kind: 'hang' | 'reset' }>;

async function applySlowly(
  fault: SlowFault,
  response: FaultResponse,
  normalResponse: HttpResponse,
): Promise<void> {
  if (fault.kind === 'slow') {
    await response.wait(fault.delayMs);
    return response.send(normalResponse);
  }
  response.head(normalResponse);
  switch (fault.kind) {
    case 'slow-body':
      await response.wait(fault.delayMs);
      response.write(normalResponse.body);
      return response.end();
    case 'dribble':
      return dribble(response, normalResponse.body, fault.delayMs, fault.chunkBytes);
    case 'cut-off':
    case 'reset-after-headers':
      response.write(normalResponse.body.subarray(0, Math.floor(normalResponse.body.length / 2)));
      await response.wait(BEFORE_BREAK_MS);
      return fault.kind === 'cut-off' ? response.close() : response.reset();
  }
}

async function dribble(response: FaultResponse, body: Buffer, delayMs = 10, chunkBytes = 1): Promise<void> {
  for (let start = 0; start < body.length && !response.gone; start += chunkBytes) {
    await response.wait(delayMs);
    response.write(body.subarray(start, start + chunkBytes));
  }
  response.end();
}
