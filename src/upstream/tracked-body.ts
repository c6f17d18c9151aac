/**
 * A request body that notes when it is first asked for. The transport asks for it when it has a connection to write it to: as long
 * as nobody has, the vendor provably cannot have got the request.
 */
export class TrackedBody implements AsyncIterable<Buffer> {
  consumed = false;
  private readonly bytes: Buffer;

  constructor(text: string) {
    this.bytes = Buffer.from(text);
  }

  get length(): number {
    return this.bytes.length;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    this.consumed = true;
    yield this.bytes;
  }
}
