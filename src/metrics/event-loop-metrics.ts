import { Injectable } from '@nestjs/common';
import { EventLoop } from '../health/event-loop.js';
import { Instruments } from './instruments.js';

/** What `nodejs_eventloop_lag_*` cannot tell to more than one reader. */
@Injectable()
export class EventLoopMetrics {
  constructor(instruments: Instruments, eventLoop: EventLoop) {
    instruments.counter({
      name: 'event_loop_stalls_total',
      help: 'How often this process stood still for 5 s or longer',
      read: () => [[{}, eventLoop.stalls]],
    });
  }
}
