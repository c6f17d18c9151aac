import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CONTROL_PREFIX, controlAnswer } from './control-api.js';
import type { ControlRoute } from './control-api.js';
import type { FaultBook } from '../faults/fault-book.js';
import type { Journal } from './journal.js';
import { playFault } from '../faults/play-fault.js';
import { Reply } from './reply.js';
import type { Vendor, VendorRequest } from './vendor.js';

const LARGEST_BODY = 2 * 1024 * 1024;

export interface VendorServerOptions {
  vendor: Vendor;
  journal: Journal;
  faults: FaultBook;
  control: readonly ControlRoute[];
  /** Further lines for the control API's help. */
  controlHelp?: readonly string[];
  /** In bytes, default 2 MiB: of a larger one the vendor sees nothing, and it answers 413. */
  largestBody?: number;
  host: string;
  /** 0 takes any free port. */
  port: number;
}

export interface VendorServer {
  port: number;
  /** Destroys the connections of calls that are still waiting for their answer. */
  dropCalls(): void;
  /** Stops listening and destroys every connection, hanging calls included. */
  close(): Promise<void>;
}

/** Listens for one simulated vendor and its control API. Rejects when the port is taken. */
export async function startVendorServer(options: VendorServerOptions): Promise<VendorServer> {
  const calls = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    serve(options, calls, request, response).catch(() => response.destroy());
  });
  // An idle connection that the server closes just as the next call is sent looks like a fault; nobody asked for one.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    dropCalls: () => calls.forEach((response) => response.destroy()),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(
  options: VendorServerOptions,
  calls: Set<ServerResponse>,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { vendor, journal, faults, control, controlHelp, largestBody = LARGEST_BODY } = options;
  const body = await readBody(incoming, largestBody);
  const { method = 'GET', url = '/', headers } = incoming;
  const request: VendorRequest = { method, url, headers, body: body ?? '' };
  if (new RegExp(`^${CONTROL_PREFIX}(?:[/?]|$)`).test(url)) {
    return new Reply(response, () => {}).send(await controlAnswer(control, request, controlHelp));
  }

  const call = vendor.identify(request);
  const entry = journal.arrive(request, call);
  calls.add(response);
  response.once('close', () => {
    calls.delete(response);
    journal.leave(entry);
  });
  const reply = new Reply(response, (status) => (entry.status = status));
  const fault = faults.take(call);
  entry.fault = fault?.kind ?? null;
  const real = () => (body === undefined ? vendor.failure(413) : vendor.answer(request, call));
  if (!fault) return reply.send(real());
  return playFault(fault, reply, { real, failure: (status) => vendor.failure(status) });
}

/** The request's body as text; undefined when it has more bytes than `largest`. */
async function readBody(request: IncomingMessage, largest: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= largest) chunks.push(chunk);
  }
  return size > largest ? undefined : Buffer.concat(chunks).toString();
}
