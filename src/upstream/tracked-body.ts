/**
 * The body of a request, if it has one, and whether the transport has begun to send the request. As long as it has not, the upstream
 * provably cannot have received it.
 */
export class TrackedBody {
  readonly bytes: Buffer | null;
  private isSent = false;

  constructor(content: string | undefined) {
    this.bytes = content === undefined ? null : Buffer.from(content);
  }

  get sent(): boolean {
    return this.isSent;
  }

  markSent(): void {
    this.isSent = true;
  }
}
