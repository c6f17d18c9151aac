import type { ServerResponse } from 'node:http';

/** Writes a response that no correct consumer sends. */
type MalformedResponse = (response: ServerResponse) => void;

export const resetBeforeHeaders: MalformedResponse = ({ socket }) => socket!.resetAndDestroy();

export const notHttp: MalformedResponse = ({ socket }) => void socket!.end('SSH-2.0-OpenSSH_9.2\r\n');

/** Sends the status and a part of the body, then resets the connection. */
export const resetAfter =
  (status: number): MalformedResponse =>
  (response) =>
    void response
      .writeHead(status, { 'content-length': 1_000 })
      .write('a part', () => response.socket!.resetAndDestroy());

/** Sends the status and a part of the body, then closes the connection. */
export const closeAfter =
  (status: number): MalformedResponse =>
  (response) =>
    void response
      .writeHead(status, { 'content-length': 1_000 })
      .write('a part', () => response.socket!.destroySoon());

/** Sends the status, then one byte every 500 ms. */
export const dripAfter =
  (status: number): MalformedResponse =>
  (response) =>
    repeat(response.writeHead(status), 'x', 500);

/** Sends a body without an end, in small parts, so that few bytes are buffered when the reader stops. */
export class EndlessBody {
  /** The number of bytes sent when the connection closed. */
  sentBytes: number | undefined;

  constructor(private readonly status: number) {}

  readonly respond: MalformedResponse = (response) => {
    const { socket } = response;
    response.once('close', () => (this.sentBytes = socket!.bytesWritten));
    repeat(response.writeHead(this.status), Buffer.alloc(4_096, 'x'), 5);
  };
}

function repeat(response: ServerResponse, chunk: string | Buffer, everyMs: number): void {
  response.write(chunk);
  const timer = setInterval(() => response.write(chunk), everyMs);
  response.once('close', () => clearInterval(timer));
}
