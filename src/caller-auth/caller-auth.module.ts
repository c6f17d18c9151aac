import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Config } from '../config/config.js';
import { ApiKeys } from './api-key-authenticator.js';
import { CallerAuthGuard } from './auth.guard.js';
import { CallerAuth } from './caller-auth.service.js';
import { JwtCallers } from './jwt-authenticator.js';

function known(config: Config, apiKeys: ApiKeys): ApiKeys | JwtCallers | undefined {
  if (config.callerAuth === 'none') return undefined;
  if (config.callerAuth === 'api-key') return apiKeys;
  const { jwtIssuer: issuer, jwtAudience: audience, jwtJwksUrl: jwksUrl } = config;
  // The start has failed if one of them is missing.
  return new JwtCallers({ issuer: issuer!, audience: audience!, jwksUrl: jwksUrl! });
}

/** Who may call. */
@Module({
  providers: [
    ApiKeys,
    {
      provide: CallerAuth,
      inject: [Config, ApiKeys],
      useFactory: (config: Config, apiKeys: ApiKeys) =>
        new CallerAuth(known(config, apiKeys), config.callerScopes),
    },
    { provide: APP_GUARD, useClass: CallerAuthGuard },
  ],
  exports: [CallerAuth, ApiKeys],
})
export class CallerAuthModule {}
