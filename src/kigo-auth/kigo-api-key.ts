import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';

/** The API key that Kigo knows us by: the configured one, until a login has proven a later one. */
@Injectable()
export class KigoApiKey {
  current: string;

  constructor(config: Config) {
    this.current = config.kigoApiKey;
  }
}
