import { Injectable } from '@nestjs/common';
import { Circuit } from './operation-breaker.js';
import type { UpstreamFailure, Vendor } from './upstream-error.js';

/** One attempt of a call, and what became of it. */
export interface UpstreamAttempt {
  readonly circuit: Circuit;
  /** `held-back`: by ourselves, the breaker or a full lane. */
  readonly outcome: 'ok' | 'held-back' | UpstreamFailure;
  /** The vendor's, if it answered: a 404 may be as `ok` as a 200. */
  readonly status: number | undefined;
  /** With the time that it waited for a place in the lane. */
  readonly durationMs: number;
}

/** The breakers of all vendor operations that were ever called. */
@Injectable()
export class Circuits {
  private readonly known = new Map<string, Circuit>();
  private readonly listeners: ((attempt: UpstreamAttempt) => void)[] = [];

  /** Calls back at the end of each attempt. */
  onAttempt(listener: (attempt: UpstreamAttempt) => void): void {
    this.listeners.push(listener);
  }

  attempted(attempt: UpstreamAttempt): void {
    for (const listener of this.listeners) listener(attempt);
  }

  of(vendor: Vendor, operation: string): Circuit {
    const name = `${vendor} ${operation}`;
    const circuit = this.known.get(name) ?? new Circuit(vendor, operation);
    this.known.set(name, circuit);
    return circuit;
  }

  all(): Circuit[] {
    return [...this.known.values()];
  }
}
