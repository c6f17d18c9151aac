/**
 * A request body that records whether it has been read. The transport reads it as soon as it has a connection to write it to. As long
 * as nothing has read it, the upstream provably cannot have received the request.
 */
export class TrackedBody implements AsyncIterable<Buffer> {
  private started = false;
  private readonly bytes: Buffer;

  constructor(content: string) {
    this.bytes = Buffer.from(content);
  }

  get consumed(): boolean {
    return this.started;
  }

  get length(): number {
    return this.bytes.length;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    this.started = true;
    yield this.bytes;
  }
}
