import type { ServerResponse } from 'node:http';

/** What a consumer may do that no well-behaved one does. */
type MalformedResponse = (response: ServerResponse) => void;

export const resetBeforeHeaders: MalformedResponse = ({ socket }) => socket!.resetAndDestroy();

export const notHttp: MalformedResponse = ({ socket }) => void socket!.end('SSH-2.0-OpenSSH_9.2\r\n');

/** The status, a part of the body, and then a reset. */
export const resetAfter =
  (status: number): MalformedResponse =>
  (response) =>
    void response
      .writeHead(status, { 'content-length': 1_000 })
      .write('a part', () => response.socket!.resetAndDestroy());

/** The status, a part of the body, and then the end of the connection. */
export const closeAfter =
  (status: number): MalformedResponse =>
  (response) =>
    void response
      .writeHead(status, { 'content-length': 1_000 })
      .write('a part', () => response.socket!.destroySoon());

/** The status, and from then on one byte now and then. */
export const dripAfter =
  (status: number): MalformedResponse =>
  (response) =>
    repeat(response.writeHead(status), 'x', 500);

/** A body without an end; little at a time, so that little waits between the two ends when the reader is gone. */
export class EndlessBody {
  /** So much had been sent when the connection ended. */
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
