import type { Answer } from '../server/answer.js';
import { faultyAnswer, isAnswerFault } from './fault-answer.js';
import type { Scene } from './fault-answer.js';
import type { Fault, SocketFault } from './fault.js';
import type { Reply } from '../server/reply.js';

// Long enough for the client to read what was sent before the connection breaks.
const BEFORE_BREAK_MS = 10;

/**
 * Plays a fault on one call. The real answer is made when the call arrives, not when it is sent at last: a slow
 * answer tells how things were.
 */
export async function playFault(fault: Fault, reply: Reply, scene: Scene): Promise<void> {
  if (isAnswerFault(fault)) return reply.send(faultyAnswer(fault, scene));
  if (fault.kind === 'hang') return undefined;
  if (fault.kind === 'reset') return reply.reset();
  return playSlowly(fault, reply, scene.real());
}

type PlaysAnswer = Exclude<SocketFault, { kind: 'hang' | 'reset' }>;

async function playSlowly(fault: PlaysAnswer, reply: Reply, answer: Answer): Promise<void> {
  if (fault.kind === 'slow') {
    await reply.wait(fault.delayMs);
    return reply.send(answer);
  }
  reply.head(answer);
  switch (fault.kind) {
    case 'slow-body':
      await reply.wait(fault.delayMs);
      reply.write(answer.body);
      return reply.end();
    case 'dribble':
      return dribble(reply, answer.body, fault.delayMs, fault.chunkBytes);
    case 'cut-off':
    case 'reset-after-headers':
      reply.write(answer.body.subarray(0, Math.floor(answer.body.length / 2)));
      await reply.wait(BEFORE_BREAK_MS);
      return fault.kind === 'cut-off' ? reply.close() : reply.reset();
  }
}

async function dribble(reply: Reply, body: Buffer, delayMs = 10, chunkBytes = 1): Promise<void> {
  for (let start = 0; start < body.length && !reply.gone; start += chunkBytes) {
    await reply.wait(delayMs);
    reply.write(body.subarray(start, start + chunkBytes));
  }
  reply.end();
}
