import { Module } from '@nestjs/common';
import type { DynamicModule, FactoryProvider, ModuleMetadata } from '@nestjs/common';
import { RewardsGatewayClient } from './client.js';
import type { ClientOptions } from './options.js';

interface AsyncOptions {
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly inject?: NonNullable<FactoryProvider['inject']>;
  readonly useFactory: FactoryProvider<ClientOptions>['useFactory'];
}

/** Provides RewardsGatewayClient to the whole application. */
@Module({})
export class RewardsGatewayModule {
  static forRoot(options: ClientOptions): DynamicModule {
    return RewardsGatewayModule.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ imports = [], inject = [], useFactory }: AsyncOptions): DynamicModule {
    return {
      module: RewardsGatewayModule,
      global: true,
      imports,
      providers: [
        {
          provide: RewardsGatewayClient,
          inject,
          useFactory: async (...args: unknown[]) => new RewardsGatewayClient(await useFactory(...args)),
        },
      ],
      exports: [RewardsGatewayClient],
    };
  }
}
