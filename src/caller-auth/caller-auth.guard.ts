import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { CallerAuth } from './caller-auth.js';
import { openMetadata } from './open.decorator.js';

/** Lets known callers in. Routes are closed unless marked `@Open()`. */
@Injectable()
export class CallerAuthGuard implements CanActivate {
  constructor(
    private readonly auth: CallerAuth,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (!this.reflector.getAllAndOverride<boolean>(openMetadata, targets))
      await this.auth.authenticate(context.switchToHttp().getRequest<FastifyRequest>());
    return true;
  }
}
