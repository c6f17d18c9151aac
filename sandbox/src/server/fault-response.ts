import type { ServerResponse } from 'node:http';
import type { HttpResponse } from './http-response.js';

/** The way out of one call: all that a fault may do to its response and its connection. */
export class FaultResponse {
  constructor(
    private readonly response: ServerResponse,
    private readonly onHead: (status: number) => void,
  ) {}

  /** The client has gone, or the sandbox has dropped the call. */
  get gone(): boolean {
    return this.response.destroyed;
  }

  /** Status line and headers, on the wire at once; `content-length` is that of the whole body. */
  head({ status, headers, body }: HttpResponse): void {
    if (this.gone) return;
    this.onHead(status);
    const length = status === 204 || status === 304 ? {} : { 'content-length': String(body.length) };
    this.response.writeHead(status, { ...headers, ...length });
    this.response.flushHeaders();
  }

  write(chunk: Buffer): void {
    if (!this.gone) this.response.write(chunk);
  }

  end(): void {
    if (!this.gone) this.response.end();
  }

  /** The whole response. */
  send(response: HttpResponse): void {
    if (this.gone) return;
    const { status, headers, body } = response;
    this.onHead(status);
    if (status === 204 || status === 304) {
      this.response.writeHead(status, headers).end();
    } else {
      this.response.writeHead(status, { ...headers, 'content-length': String(body.length) }).end(body);
    }
  }

  /** Closes the connection with an RST, as a crashed peer does. */
  reset(): void {
    this.response.socket?.resetAndDestroy();
  }

  /** Closes the connection with a FIN, whatever was promised. */
  close(): void {
    this.response.socket?.end();
  }

  /** Waits; ends early, for good, when the call is gone. */
  async wait(ms: number): Promise<void> {
    if (this.gone) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, ms);
      const response = this.response;
      function done(): void {
        clearTimeout(timer);
        response.off('close', done);
        resolve();
      }
      response.once('close', done);
    });
  }
}
