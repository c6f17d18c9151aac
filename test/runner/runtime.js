import { existsSync } from 'node:fs';
import { createRequire, enableCompileCache, registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const SANDBOX = new URL('../../sandbox/src/index.ts', import.meta.url).href;
const TRANSFORM_OPTIONS = {
  isInternalModule: false,
  supportsDynamicImport: true,
  supportsExportNamespaceFrom: true,
  supportsStaticESM: true,
  supportsTopLevelAwait: true,
};

let transformer;
let imports = 0;
const sourceMaps = new Map();

enableCompileCache();
// Jest would run the file of a worker that has crashed once more; a worker that was killed fails its file.
if (process.send) process.on('exit', (code) => void (code && process.kill(process.pid, 'SIGKILL')));
registerHooks({
  resolve(specifier, context, next) {
    if (specifier === '@rewards-gateway/sandbox') return next(SANDBOX, context);
    // The sources import each other with the extension that they have once built.
    if (
      specifier.startsWith('.') &&
      specifier.endsWith('.js') &&
      !context.parentURL.includes('/node_modules/')
    ) {
      const source = new URL(`${specifier.slice(0, -3)}.ts`, context.parentURL);
      if (existsSync(source)) return next(source.href, context);
    }
    return next(specifier, context);
  },
  load(url, context, next) {
    const { protocol, pathname } = new URL(url);
    if (protocol !== 'file:' || !pathname.endsWith('.ts')) return next(url, context);
    const path = fileURLToPath(url);
    const { code, sourceMapPath } = transformer.transform(path, TRANSFORM_OPTIONS);
    if (sourceMapPath) sourceMaps.set(url, sourceMapPath);
    return { format: 'module', source: code, shortCircuit: true };
  },
});

/** Jest's `runtime`: imports with Node.js itself instead of with a module graph of its own for each test file. */
class Runtime {
  constructor(config, environment, resolver, scriptTransformer) {
    transformer = scriptTransformer;
  }

  unstable_shouldLoadAsEsm() {
    return true;
  }

  /** Imports a file anew even where this process has run it before, as in watch mode. */
  async unstable_importModule(path) {
    imports += 1;
    await import(`${pathToFileURL(path).href}?${imports}`);
  }

  /** Loads jest-circus anew, since it keeps the tests of a file in its module and its handlers in a global. */
  requireInternalModule(path) {
    delete require.cache[path];
    delete globalThis[Symbol.for('EVENT_HANDLERS')];
    return require(path);
  }

  requireModule(path) {
    return require(path);
  }

  getSourceMaps() {
    return sourceMaps;
  }

  setGlobalsForRuntime() {}
  enterTestCode() {}
  leaveTestCode() {}
  getAllCoverageInfoCopy() {}
  teardown() {}
}

export { Runtime as 'module.exports' };
