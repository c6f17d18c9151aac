import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Config } from '../config/config.js';
import { ApiKeyAuthenticator } from './api-key-authenticator.js';
import { RouteDeclarationGuard } from './auth.guard.js';
import { CallerAuthService } from './caller-auth.service.js';
import { JwtAuthenticator } from './jwt-authenticator.js';

function createAuthenticator(
  config: Config,
  apiKeys: ApiKeyAuthenticator,
): ApiKeyAuthenticator | JwtAuthenticator | undefined {
  if (config.callerAuth === 'none') return undefined;
  if (config.callerAuth === 'api-key') return apiKeys;
  const { jwtIssuer: issuer, jwtAudience: audience, jwtJwksUrl: jwksUrl } = config;
  // The start has failed if one of them is missing.
  return new JwtAuthenticator({ issuer: issuer!, audience: audience!, jwksUrl: jwksUrl! });
}

/** Who may call. */
@Module({
  providers: [
    ApiKeyAuthenticator,
    {
      provide: CallerAuthService,
      inject: [Config, ApiKeyAuthenticator],
      useFactory: (config: Config, apiKeys: ApiKeyAuthenticator) =>
        new CallerAuthService(createAuthenticator(config, apiKeys), config.callerScopes),
    },
    { provide: APP_GUARD, useClass: RouteDeclarationGuard },
  ],
  exports: [CallerAuthService, ApiKeyAuthenticator],
})
export class CallerAuthModule {}
