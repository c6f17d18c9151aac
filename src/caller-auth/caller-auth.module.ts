import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { ApiKeyAuthenticator } from './api-key-authenticator.js';
import { CallerAuthService } from './caller-auth.service.js';
import { CallerController } from './caller.controller.js';
import { FailedCredentialsService } from './failed-credentials.service.js';
import { JwtAuthenticator } from './jwt-authenticator.js';

function createAuthenticator(
  config: Config,
  apiKeys: ApiKeyAuthenticator,
): ApiKeyAuthenticator | JwtAuthenticator | undefined {
  if (config.callerAuth === 'none') return undefined;
  if (config.callerAuth === 'api-key') return apiKeys;
  const { jwtIssuer: issuer, jwtAudience: audience, jwtJwksUrl: jwksUrl } = config;
  // The configuration requires them with CALLER_AUTH=jwt.
  return new JwtAuthenticator({ issuer: issuer!, audience: audience!, jwksUrl: jwksUrl!, proxy: config });
}

/** Authenticates callers and checks their scopes. */
@Module({
  controllers: [CallerController],
  providers: [
    ApiKeyAuthenticator,
    FailedCredentialsService,
    {
      provide: CallerAuthService,
      inject: [Config, ApiKeyAuthenticator, FailedCredentialsService],
      useFactory: (config: Config, apiKeys: ApiKeyAuthenticator, failures: FailedCredentialsService) =>
        new CallerAuthService(createAuthenticator(config, apiKeys), config.callerScopes, failures),
    },
  ],
  exports: [CallerAuthService, ApiKeyAuthenticator, FailedCredentialsService],
})
export class CallerAuthModule {}
