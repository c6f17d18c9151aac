// `npm run sandbox`: looks at the ports, builds what has changed, and runs the sandbox, all in this process. package.json starts
// it with `exec`, so that npm signals it and not a shell that would leave it behind. cmd.exe has no `exec`, hence the `||` there.
import { createServer } from 'node:net';
import process from 'node:process';
import { buildIfChanged } from './build-if-changed.js';

const vendorsOnly = process.argv.includes('--vendors-only');
const PORTS = { SANDBOX_KIGO_PORT: 3001, SANDBOX_KIIP_PORT: 3002 };
const OTHER_PORTS = {
  PORT: 3000,
  SANDBOX_WALLET_PORT: 3003,
  ...(process.env.SANDBOX_REDIS_URL && { SANDBOX_REDIS_PORT: 3004 }),
};

try {
  for (const [variable, standard] of Object.entries({ ...PORTS, ...(!vendorsOnly && OTHER_PORTS) }))
    await checkThatItIsFree(variable, toPort(variable, standard));
  await build();
  await import('../sandbox/dist/main.js');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

function toPort(variable, standard) {
  const port = Number(process.env[variable] || standard);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`${variable} must be a port number.`);
  return port;
}

async function checkThatItIsFree(variable, port) {
  const probe = createServer();
  await new Promise((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(port, process.env.SANDBOX_HOST || '127.0.0.1', () => probe.close(resolve));
  }).catch((cause) => {
    if (cause.code !== 'EADDRINUSE') throw cause;
    throw new Error(`Port ${port} is already in use: set ${variable} to a free one.`, { cause });
  });
}

/** A signal ends the builds as well. */
async function build() {
  const stopping = new AbortController();
  const stop = (signal) => {
    stopping.abort();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of SIGNALS) process.on(signal, stop);
  await buildIfChanged(vendorsOnly ? ['sandbox'] : ['gateway', 'sandbox'], stopping.signal);
  for (const signal of SIGNALS) process.off(signal, stop);
}
