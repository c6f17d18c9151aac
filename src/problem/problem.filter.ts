import { Catch, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { summarizeError } from '../log/error-summary.js';
import { sendProblem } from './send-problem.js';
import { toProblem } from './to-problem.js';

const logger = new Logger('Problem');

/** Sends every error of a request as a problem. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const problem = toProblem(error);
    if (problem.status === 500) logUnexpected(error);
    sendProblem(host.switchToHttp().getResponse<FastifyReply>(), problem);
  }
}

/** Logs an unexpected error. */
export function logUnexpected(error: unknown): void {
  logger.error({ msg: 'unexpected error', ...summarizeError(error) });
}
