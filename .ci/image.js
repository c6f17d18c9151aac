// Runs the Dockerfile without a container engine: every stage is a temporary folder. Then it starts the programs of both images
// in a bare environment, as another user where it may, and calls them. Run it with the Node.js of the image.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const temporary = mkdtempSync(join(tmpdir(), 'image-'));
const args = {};
const stages = {};
let stage;

const instructions = {
  ARG: (text) => Object.assign(args, pair(text)),
  FROM(text) {
    const [base, , name = 'final'] = text.split(/\s+/);
    const root = join(temporary, name);
    if (stages[base]) link(stages[base].root, root);
    else pull(base, root);
    stage = stages[name] = { workdir: '/', env: {}, labels: {}, ...structuredClone(stages[base]), root };
  },
  ENV: (text) => Object.assign(stage.env, pair(text)),
  LABEL: (text) => Object.assign(stage.labels, pair(text)),
  WORKDIR(text) {
    stage.workdir = text;
    mkdirSync(stage.root + text, { recursive: true });
  },
  COPY(text) {
    const words = text.split(/\s+/);
    const from = words[0].startsWith('--from=') ? stages[words.shift().slice('--from='.length)].root : '.';
    const target = join(stage.root, resolve(stage.workdir, words.pop()));
    for (const word of words) {
      const source = join(from, word);
      const isFolder = statSync(source).isDirectory();
      copy(source, isFolder ? target : join(target, basename(word)));
    }
  },
  RUN(text) {
    // What this would install has just been installed here, by the same lock file. The other `npm ci` shows that the manifests do.
    if (
      text === 'npm ci --ignore-scripts' &&
      tryLink('node_modules', `${stage.root}${stage.workdir}/node_modules`)
    )
      return;
    const PATH = `${stage.root}/usr/local/bin:${process.env.PATH}`;
    const env = { ...process.env, npm_config_prefer_offline: 'true', PATH };
    const cwd = stage.root + stage.workdir;
    const { status } = spawnSync('sh', ['-c', text], {
      cwd,
      env: { ...env, ...stage.env },
      stdio: 'inherit',
    });
    if (status !== 0) throw new Error(`RUN ${text} failed`);
  },
  USER: (text) => (stage.user = text.split(':').map(Number)),
  EXPOSE: () => undefined,
  ENTRYPOINT: (text) => (stage.entrypoint = JSON.parse(text)),
  CMD: (text) => (stage.command = JSON.parse(text)),
};

/** What of an image is used here: Node.js. What a distroless one has, its libraries, are those of this machine. */
function pull(image, root) {
  if (image.startsWith('gcr.io/distroless/cc-')) return;
  if (!image.startsWith(`node:${process.versions.node}-`))
    throw new Error(`this is Node.js ${process.versions.node}, the image is ${image}`);
  const bin = join(root, 'usr/local/bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(process.execPath, join(bin, 'node'));
}

function copy(source, target) {
  // Links stay as they are written, so that they lead to files of the stage that they are in.
  cpSync(source, target, { recursive: true, verbatimSymlinks: true });
}

/** A stage begins with the files of its base. None is written in place: they are the same files, since a copy of all packages takes long. */
function link(source, target) {
  if (!tryLink(source, target)) throw new Error(`${source} cannot be linked to`);
}

/** @returns false where a file system cannot */
function tryLink(source, target) {
  if (spawnSync('cp', ['-al', source, target], { stdio: 'ignore' }).status === 0) return true;
  rmSync(target, { recursive: true, force: true });
  return false;
}

function pair(text) {
  const at = text.indexOf('=');
  return { [text.slice(0, at)]: text.slice(at + 1) };
}

function build() {
  const lines = readFileSync('Dockerfile', 'utf8').split('\n');
  for (const line of lines.filter((line) => /^[A-Z]/.test(line))) {
    const [, name, text] = /^([A-Z]+)\s+(.*)$/.exec(line);
    instructions[name](text.replaceAll(/\$\{(\w+)\}/g, (_, variable) => args[variable]));
  }
}

function start(stage, args, env) {
  const [uid, gid] = stage.user;
  chmodSync(temporary, 0o755);
  const [command, ...rest] = [...stage.entrypoint, ...args];
  const child = spawn(command, rest, {
    cwd: stage.root + stage.workdir,
    env: { ...stage.env, PATH: join(stage.root, 'usr/local/bin'), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 120_000,
    ...(process.getuid() === 0 ? { uid, gid } : {}),
  });
  return { child, ended: new Promise((resolve) => child.once('close', resolve)) };
}

/** @param until the log line after which it must answer */
async function tryGateway(gateway, database, until) {
  const { child, ended } = start(gateway, gateway.command, {
    PORT: '0',
    HOST: '127.0.0.1',
    KIGO_BASE_URL: 'http://127.0.0.1:9',
    KIGO_PARTNER_ID: 'image',
    KIGO_API_KEY: 'image',
    KIIP_BASE_URL: 'http://127.0.0.1:9',
    KIIP_APP_KEY: 'image',
    KIIP_APP_SECRETS: 'image',
    API_KEYS: 'image:image',
    ...database,
  });
  let served = false;
  let port;
  try {
    for await (const line of createInterface(child.stdout)) {
      process.stdout.write(`${line}\n`);
      const entry = JSON.parse(line);
      port ??= entry.port;
      if (entry.msg !== until) continue;
      const live = await fetch(`http://127.0.0.1:${port}/health/live`);
      const { info } = await (await fetch(`http://127.0.0.1:${port}/openapi.json`)).json();
      const script = await fetch(`http://127.0.0.1:${port}/docs/swagger-ui-bundle.js`);
      const page = await fetch(`http://127.0.0.1:${port}/console/`);
      const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
      if (live.status !== 200 || script.status !== 200 || page.status !== 200 || info.version !== version)
        throw new Error('the image does not work');
      served = true;
      child.kill('SIGTERM');
    }
    const code = await ended;
    if (!served || code !== 0) throw new Error(`the image ended with ${code}`);
  } finally {
    child.kill('SIGKILL');
  }
}

/** With a folder for its database, as the overlay for development has. The user of the image need not exist here. */
async function tryEmbedded(embedded) {
  const user = [65_534, 65_534];
  const data = join(temporary, 'data');
  mkdirSync(data);
  if (process.getuid() === 0) chownSync(data, ...user);
  await tryGateway({ ...embedded, user }, { DATA_DIR: data }, 'database ready');
}

/** As compose.yaml and the overlay for development start them. */
async function trySandbox(sandbox) {
  const ports = { SANDBOX_KIGO_PORT: '0', SANDBOX_KIIP_PORT: '0' };
  const { child, ended } = start(sandbox, sandbox.command, ports);
  let answered = 0;
  try {
    for await (const line of createInterface(child.stdout)) {
      const [url] = /http:\S+\/__sandbox$/.exec(line) ?? [];
      if (!url) continue;
      if ((await fetch(url)).status !== 200) throw new Error('a simulated vendor does not work');
      answered += 1;
      if (answered === 2) child.kill('SIGTERM');
    }
    const code = await ended;
    if (answered !== 2 || code !== 0) throw new Error(`the simulated vendors ended with ${code}`);
  } finally {
    child.kill('SIGKILL');
  }
}

/** As other repositories start it: they can reach the gateway, which has a wallet and a database. */
async function tryEverything(sandbox) {
  const port = 20_000 + (process.pid % 10_000);
  const names = ['SANDBOX_KIGO_PORT', 'SANDBOX_KIIP_PORT', 'SANDBOX_WALLET_PORT'];
  const ports = { ...Object.fromEntries(names.map((name) => [name, '0'])), PORT: String(port) };
  const { child, ended } = start({ ...sandbox, user: [65_534, 65_534] }, sandbox.command, ports);
  child.stdout.resume();
  const addresses = Object.values(networkInterfaces()).flat();
  const { address } = addresses.find(({ family, internal }) => family === 'IPv4' && !internal) ?? {
    address: '127.0.0.1',
  };
  const badge = `http://${address}:${port}/api/user/unviewed-count?external_user_id=user123&external_program_id=program456`;
  const headers = { authorization: 'Bearer demo-key-for-this-machine-only' };
  try {
    let text;
    while (text !== '{"count":12}' && child.exitCode === null) {
      await sleep(100);
      text = await fetch(badge, { headers }).then(
        (response) => response.text(),
        () => undefined,
      );
    }
    child.kill('SIGTERM');
    const code = await ended;
    if (text !== '{"count":12}' || code !== 0) throw new Error(`the whole sandbox ended with ${code}`);
  } finally {
    child.kill('SIGKILL');
  }
}

/** Beside its base, the image for production has Node.js and the programs alone; its labels tell its version. */
function checkContents({ root, labels }) {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter((path) => !path.startsWith('/app/dist/'));
  const expected = ['/app/package.json', '/usr/local/bin/node'];
  if (files.toSorted().join() !== expected.join()) throw new Error(`the image has ${files.join(', ')}`);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  if (labels['org.opencontainers.image.version'] !== version)
    throw new Error('the image has another version');
}

/** The image for production has no simulator, and knows none of its secrets. */
async function checkThatNoSandboxIsIn(gateway, sandbox) {
  const app = gateway.root + gateway.workdir;
  const files = readdirSync(app, { recursive: true, encoding: 'utf8' }).map(String);
  const simulators = files.filter((path) => path.split('/').includes('sandbox'));
  if (simulators.length > 0) throw new Error(`the image has ${simulators[0]}`);

  const entry = join(sandbox.root, sandbox.workdir, 'dist/index.js');
  const { KIGO_DEFAULTS, KIIP_DEFAULTS, startWalletSandbox } = await import(pathToFileURL(entry));
  const wallet = await startWalletSandbox();
  await wallet.close();
  const secrets = [...KIGO_DEFAULTS.apiKeys, KIIP_DEFAULTS.appSecret, wallet.secret];
  for (const path of files.filter((path) => path.startsWith('dist/') && path.endsWith('.js'))) {
    const text = readFileSync(join(app, path), 'utf8');
    if (secrets.some((secret) => text.includes(secret))) throw new Error(`${path} has a demo secret`);
  }
}

try {
  build();
  const { final, embedded, sandbox } = stages;
  checkContents(final);
  await checkThatNoSandboxIsIn(final, sandbox);
  // Nobody listens there: the gateway starts, and is not ready.
  await tryGateway(final, { DATABASE_URL: 'postgres://127.0.0.1:9/none' }, 'listening');
  await tryEmbedded(embedded);
  await trySandbox(sandbox);
  await tryEverything(stages['sandbox-all']);
  process.stdout.write('The steps of the Dockerfile give images that start, answer and stop.\n');
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
