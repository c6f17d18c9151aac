/** What is known of a device from its session calls. */
export interface KiipSession {
  device_id: string;
  user_id: string | null;
  /** Kiip's own date of the latest session_start. */
  started: string | null;
  /** Of the latest session_end; null while the session is open. */
  ended: string | null;
}

const MAX_DEVICES = 10_000;

/** Sessions by device, oldest first. */
export class KiipSessions {
  private readonly sessions = new Map<string, KiipSession>();

  note(
    event: 'session_start' | 'session_end',
    device_id: string,
    user_id: string | null,
    date: string,
  ): void {
    const before = this.sessions.get(device_id);
    const started = event === 'session_start' ? date : (before?.started ?? null);
    const ended = event === 'session_end' ? date : null;
    this.sessions.set(device_id, { device_id, user_id, started, ended });
    const [oldest] = this.sessions.keys();
    if (this.sessions.size > MAX_DEVICES && oldest !== undefined) this.sessions.delete(oldest);
  }

  isOpen(deviceId: string): boolean {
    return this.sessions.get(deviceId)?.ended === null;
  }

  list(): KiipSession[] {
    return [...this.sessions.values()].map((session) => ({ ...session }));
  }

  clear(): void {
    this.sessions.clear();
  }
}
