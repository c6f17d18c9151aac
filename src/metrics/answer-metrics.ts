import { Injectable } from '@nestjs/common';
import { AnswerCounters } from '../accounts/answer-counters.js';
import { MetricsRegistry } from './metrics-registry.js';

/** What users of Kigo got. */
@Injectable()
export class AnswerMetrics {
  constructor(registry: MetricsRegistry, answers: AnswerCounters) {
    registry.counter({
      name: 'user_answers_total',
      help: 'Answers for single users and accounts, each user of a batch (unviewed-counts) included, by outcome',
      labels: ['operation', 'outcome'],
      collect: () =>
        Object.entries(answers.all).flatMap(([operation, outcomes]) =>
          Object.entries(outcomes).map(([outcome, count]) => [{ operation, outcome }, count] as const),
        ),
    });
  }
}
