import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CONTROL_PREFIX, controlResponse } from './control-api.js';
import type { ControlRoute } from './control-api.js';
import type { FaultRules } from '../faults/fault-rules.js';
import type { RequestLog } from './request-log.js';
import { applyFault } from '../faults/apply-fault.js';
import { FaultResponse } from './fault-response.js';
import { jsonResponse } from './http-response.js';
import { pageAccess } from './page-access.js';
import type { SimulatedService, HttpRequest } from './simulated-service.js';

const MAX_BODY_BYTES = 2 * 1024 * 1024;

export interface SandboxServerOptions {
  service: SimulatedService;
  requestLog: RequestLog;
  faults: FaultRules;
  control: readonly ControlRoute[];
  /** Further lines for the control API's help. */
  controlHelp?: readonly string[];
  /** In bytes, default 2 MiB: of a larger one the vendor sees nothing, and it answers 413. */
  maxBodyBytes?: number;
  /** Of pages that may call the sandbox: the console. None by default. */
  consoleOrigins?: readonly string[];
  host: string;
  /** 0 takes any free port. */
  port: number;
}

export interface SandboxServer {
  port: number;
  /** Destroys the connections of calls that are still waiting for their response. */
  dropCalls(): void;
  /** Stops listening and destroys every connection, hanging calls included. */
  close(): Promise<void>;
}

/** Listens for one simulated vendor and its control API. Rejects when the port is taken. */
export async function startSandboxServer(options: SandboxServerOptions): Promise<SandboxServer> {
  const calls = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    serve(options, calls, request, response).catch(() => response.destroy());
  });
  // An idle connection that the server closes just as the next call is sent looks like a fault that no rule asked for.
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
  options: SandboxServerOptions,
  calls: Set<ServerResponse>,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { service, requestLog, faults, control, controlHelp, maxBodyBytes = MAX_BODY_BYTES } = options;
  const access = pageAccess(options.consoleOrigins ?? [], options.host, incoming, response);
  if (access === 'preflight') return undefined;
  const body = await readBody(incoming, maxBodyBytes);
  const { method = 'GET', url = '/', headers } = incoming;
  const request: HttpRequest = { method, url, headers, body: body ?? '' };
  if (new RegExp(`^${CONTROL_PREFIX}(?:[/?]|$)`).test(url)) {
    const answer =
      access === 'foreign'
        ? jsonResponse(403, {
            error:
              'of web pages, only the console may use this; the host must be localhost, an IP address or SANDBOX_HOST',
          })
        : await controlResponse(control, request, controlHelp);
    return new FaultResponse(response, () => {}).send(answer);
  }

  const call = service.identify(request);
  const entry = requestLog.start(request, call);
  calls.add(response);
  response.once('close', () => {
    calls.delete(response);
    requestLog.finish(entry);
  });
  const faultResponse = new FaultResponse(response, (status) => (entry.status = status));
  const fault = faults.take(call);
  entry.fault = fault?.kind ?? null;
  const normalResponse = () => (body === undefined ? service.failure(413) : service.respond(request, call));
  if (!fault) return faultResponse.send(normalResponse());
  return applyFault(fault, faultResponse, { normalResponse, failure: (status) => service.failure(status) });
}

/** The request body as a string; undefined when it has more than `maxBytes` bytes. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
  }
  return size > maxBytes ? undefined : Buffer.concat(chunks).toString();
}
