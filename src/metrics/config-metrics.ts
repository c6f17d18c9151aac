import process from 'node:process';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { SecretFileWatcher } from '../config/secret-file-watcher.js';
import { VERSION } from '../config/version.js';
import { MetricsRegistry } from './metrics-registry.js';

/** Which version runs, and whether it uses what is in its secret files. */
@Injectable()
export class ConfigMetrics {
  constructor(registry: MetricsRegistry, files: SecretFileWatcher, { role }: Config) {
    registry.gauge({
      name: 'build_info',
      help: 'Always 1; the version of the gateway, its ROLE and its Node.js are labels',
      labels: ['version', 'role', 'node_version'],
      collect: () => [[{ version: VERSION, role, node_version: process.versions.node }, 1]],
    });
    registry.gauge({
      name: 'config_last_reload_successful',
      help: 'Whether the current content of each secret file is in use; 0: it is missing or invalid, and the value before it is',
      labels: ['name'],
      collect: () => [...files.reloads()].map(([name, { successful }]) => [{ name }, successful ? 1 : 0]),
    });
    registry.gauge({
      name: 'config_last_reload_success_timestamp_seconds',
      help: 'Unix time of the last successful read of each secret file; it is read when it changes',
      labels: ['name'],
      collect: () =>
        [...files.reloads()].map(([name, { succeededAt }]) => [{ name }, succeededAt.getTime() / 1000]),
    });
  }
}
