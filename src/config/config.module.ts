import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Config } from './config.js';
import { SecretFileWatcher } from './secret-file-watcher.js';

/** Provides the Config, and new values of secrets, to every module. */
@Global()
@Module({})
export class ConfigModule {
  static forRoot(config: Config): DynamicModule {
    const providers = [{ provide: Config, useValue: config }, SecretFileWatcher];
    return { module: ConfigModule, providers, exports: providers };
  }
}
