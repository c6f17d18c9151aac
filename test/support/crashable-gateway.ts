import type { Environment } from '../../src/config/read-config.js';
import { startProcess } from './gateway-process.js';
import type { GatewayProcess } from './gateway-process.js';
import { freePort } from './free-port.js';

/** A gateway process that can be killed and restarted on the same port with the same data. */
export class CrashableGateway {
  kills = 0;
  #process: GatewayProcess | undefined;

  private constructor(
    readonly origin: string,
    readonly env: Environment,
    private readonly preload: string | undefined,
  ) {}

  /** @param preload a module that Node.js runs before the gateway, in its process */
  static async on(env: Environment, preload?: string): Promise<CrashableGateway> {
    const PORT = String(await freePort());
    return new CrashableGateway(`http://127.0.0.1:${PORT}`, { LOG_LEVEL: 'warn', ...env, PORT }, preload);
  }

  get log(): Record<string, unknown>[] {
    return this.#process?.log() ?? [];
  }

  start(): void {
    this.#process = startProcess(this.env, this.preload === undefined ? {} : { preload: this.preload });
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.signal(name);
  }

  /** SIGTERM: it drains, and ends by itself. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const ending = await this.#process?.ended;
    if (ending?.code !== 0) throw new Error(`the gateway did not stop: ${JSON.stringify(ending)}`);
  }

  async kill(): Promise<void> {
    this.#process?.signal('SIGKILL');
    const ending = await this.#process?.ended;
    if (ending?.signal !== 'SIGKILL')
      throw new Error(`the gateway ended before it was killed: ${JSON.stringify(this.log)}`);
    this.kills += 1;
  }

  async close(): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }
}
