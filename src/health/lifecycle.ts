import { Injectable } from '@nestjs/common';

/** Where this process is in its life. */
@Injectable()
export class LifecycleService {
  /** Told to stop: still serving, but no new traffic is wanted. */
  draining = false;
}
