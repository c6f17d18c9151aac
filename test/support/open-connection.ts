import { once } from 'node:events';
import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

interface ConnectionResponse {
  readonly status: number | undefined;
  readonly connection: string | undefined;
  readonly body: unknown;
  /** Whether the connection had served a request before. */
  readonly reused: boolean;
}

/** One client connection that stays open, as a load balancer keeps it. */
export class OpenConnection {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(private readonly origin: string) {}

  async get(path: string, headers: Record<string, string> = {}): Promise<ConnectionResponse> {
    const request = get(this.origin + path, { agent: this.agent, headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return {
      status: response.statusCode,
      connection: response.headers.connection,
      body: JSON.parse(await text(response)),
      reused: request.reusedSocket,
    };
  }

  close(): void {
    this.agent.destroy();
  }
}
