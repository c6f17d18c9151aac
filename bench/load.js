// The other side of a measured server, as a process of its own: callers, vendors and a consumer. Libraries that generate load
// need more processor time for a request than the fastest of the servers.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTo } from 'node:net';
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { API_KEY, signedCallback } from './environment.js';
import { answerDue, delayAnswers, listen } from './vendors.js';

const NOTHING = Buffer.alloc(0);
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const warmCounts = Array.from({ length: 100 }, (_, index) => countOf(`user-${index}`));
const sameMoment = post('/api/v1/kiip/moments', momentOf('u_000123'));
const directMoment = post('/2.0/server/moment/', momentOf('u_000123'));
let turn = 0;

/** The next request of each kind, and what is in a good answer to it. */
const KINDS = {
  count: [() => warmCounts[(turn += 1) % warmCounts.length], '"count":12'],
  'cold count': [() => countOf(randomUUID()), '"count":12'],
  moment: [() => sameMoment, 'Test Reward'],
  'first moment': [() => post('/api/v1/kiip/moments', momentOf(randomUUID())), 'Test Reward'],
  'moment without a gateway': [() => directMoment, 'Test Reward'],
  callback: [() => post('/callbacks/kiip', signedCallback()), '"recorded"'],
};

process.on('message', (job) => {
  run(job).then(
    (result) => process.send(result),
    ({ message }) => process.send({ error: message }),
  );
});
process.send({ port: await listen() });

/**
 * @param job `connections` with one request each in flight all the time, or `perSecond` evenly spread over them.
 * `polls` keeps this process from sleeping, so that no server pays for waking it up.
 */
async function run({ kind, port, connections, seconds, perSecond, polls, upstreamMs = 0 }) {
  const [nextRequest, marker] = KINDS[kind];
  const good = Buffer.from(marker);
  const latencies = [];
  let failure;
  const end = new AbortController();
  const sockets = await Promise.all(Array.from({ length: connections }, () => connect(port)));
  delayAnswers(upstreamMs);
  if (polls || upstreamMs > 0) void poll();
  const from = performance.now();
  const until = from + seconds * 1000;
  await (perSecond === undefined ? Promise.all(sockets.map(keepBusy)) : spread());
  const gone = (performance.now() - from) / 1000;
  end.abort();
  delayAnswers(0);
  for (const { socket } of sockets) socket.destroy();
  if (failure !== undefined) throw new Error(`A ${kind} was answered: ${String(failure)}`);
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor(latencies.length * share)];
  return { requests: latencies.length, seconds: gone, p50: at(0.5), p99: at(0.99) };

  async function keepBusy(socket) {
    while (failure === undefined && performance.now() < until) await exchange(socket);
  }

  async function spread() {
    const free = [...sockets];
    const exchanges = [];
    for (let due = from; due < until; due += 1000 / perSecond) {
      while (performance.now() < due || free.length === 0) await nextTurn();
      const socket = free.pop();
      exchanges.push(exchange(socket).then(() => free.push(socket)));
    }
    await Promise.all(exchanges);
  }

  async function exchange({ send }) {
    const sentAt = performance.now();
    const answer = await send(nextRequest());
    latencies.push(performance.now() - sentAt);
    if (!answer.includes(good))
      failure ??= answer.length === 0 ? 'by the end of the connection' : answer.toString();
  }

  async function poll() {
    while (!end.signal.aborted) {
      answerDue();
      await nextTurn();
    }
  }
}

/** @returns a connection whose `send` resolves with a whole answer, or with nothing when the server ends it */
async function connect(port) {
  const socket = connectTo({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  let received = NOTHING;
  let resolve;
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (!isWhole(received)) return;
    const answer = received;
    received = NOTHING;
    resolve(answer);
  });
  socket.on('error', () => {});
  socket.on('close', () => resolve?.(NOTHING));
  const send = (request) =>
    new Promise((settle) => {
      resolve = settle;
      socket.write(request);
    });
  return { socket, send };
}

function isWhole(answer) {
  const end = answer.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.latin1Slice(0, end));
  if (length) return answer.length >= end + 4 + Number(length[1]);
  return answer.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
}

function countOf(user) {
  return http('GET', `/api/user/unviewed-count?external_user_id=${user}&external_program_id=program-1`);
}

function post(path, body) {
  return http('POST', path, `content-type: application/json\r\ncontent-length: ${body.length}\r\n`, body);
}

function http(method, path, headers = '', body = '') {
  const common = `host: 127.0.0.1\r\nauthorization: Bearer ${API_KEY}\r\naccept: application/json\r\n`;
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${common}${headers}\r\n${body}`);
}

function momentOf(userid) {
  return JSON.stringify({
    app: { version: '4281020' },
    connection: { ip: '203.0.113.7', type: 'WIFI' },
    device: {
      id: '45e3-1d799e20-963a-4ddd-8593-0683b30e7d5b',
      lang: 'en',
      locale: 'en_US',
      manufacturer: 'google',
      model: 'nexus_5',
      os: 'Android 5.0',
      resolution: '1080x1776',
    },
    location: { lat: 39.0437192, lng: 77.4874899 },
    moment: { id: 'CgkIraKVsdIBEAIQEA' },
    email_address: 'hello@example.com',
    user: { gender: 'f', userid },
  });
}
