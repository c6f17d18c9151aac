import { configureGlobal } from 'fast-check';
import { mock } from 'node:test';
import { createContext } from 'node:vm';

/** Jest's `testEnvironment`: the worker itself, put back after each file as it was before it. */
class Environment {
  global = globalThis;
  #console = globalThis.console;
  #exit = Object.getOwnPropertyDescriptor(process, 'exit');
  #env = { ...process.env };

  constructor({ globalConfig }) {
    // Jest prints its seed: `npm test -- --seed=…` generates the same values again.
    configureGlobal({ seed: globalConfig.seed });
  }

  setup() {
    // As outside of tests. Jest sets 100, at 7 % of the processor time of a run.
    Error.stackTraceLimit = 10;
  }

  teardown() {
    mock.reset();
    mock.timers.reset();
    for (const name of Object.keys(process.env)) if (!(name in this.#env)) delete process.env[name];
    Object.assign(process.env, this.#env);
    Object.defineProperty(process, 'exit', this.#exit);
    globalThis.console = this.#console;
  }

  exportConditions() {
    return ['node', 'node-addons'];
  }

  /** Jest asks for one, but runs nothing in it. */
  getVmContext() {
    return createContext();
  }
}

export { Environment as 'module.exports' };
