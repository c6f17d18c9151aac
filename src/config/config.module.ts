import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Config } from './config.js';
import { SecretFileWatcher } from './secret-file-watcher.js';

/** Gives every module the one Config, and the later values of secrets. */
@Global()
@Module({})
export class ConfigModule {
  static forRoot(config: Config): DynamicModule {
    const providers = [{ provide: Config, useValue: config }, SecretFileWatcher];
    return { module: ConfigModule, providers, exports: providers };
  }
}
