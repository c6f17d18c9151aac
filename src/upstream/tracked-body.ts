/**
 * A request body, and whether the transport has begun to send it. As long as it has not, the upstream provably cannot have received the
 * request.
 */
export class TrackedBody {
  readonly bytes: Buffer;
  private isSent = false;

  constructor(content: string) {
    this.bytes = Buffer.from(content);
  }

  get sent(): boolean {
    return this.isSent;
  }

  markSent(): void {
    this.isSent = true;
  }
}
