import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';

/** The API key in use: the configured one, until a login with a new one has succeeded. */
@Injectable()
export class KigoApiKey {
  private key: string;

  constructor(config: Config) {
    this.key = config.kigoApiKey;
  }

  get current(): string {
    return this.key;
  }

  replace(key: string): void {
    this.key = key;
  }
}
