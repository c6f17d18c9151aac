import { Injectable } from '@nestjs/common';

@Injectable()
export class LifecycleService {
  private draining = false;

  /** Whether the process is shutting down: it still serves, but wants no new traffic. */
  get isDraining(): boolean {
    return this.draining;
  }

  startDraining(): void {
    this.draining = true;
  }
}
