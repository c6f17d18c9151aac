import { Injectable } from '@nestjs/common';
import { Circuit } from './circuit.js';
import type { Vendor } from './upstream-error.js';

/** The breakers of all vendor operations that were ever called. */
@Injectable()
export class Circuits {
  private readonly known = new Map<string, Circuit>();

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
