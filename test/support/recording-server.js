// Kigo, Kiip and a consumer, as a process of its own. What it is sent is in the file before it answers, so that it may be killed.
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import process from 'node:process';
import { text } from 'node:stream/consumers';

const [, , port, file] = process.argv;

createServer((request, response) => {
  // Where it fails, the sender was killed.
  answer(request, response).catch(() => response.destroy());
}).listen(Number(port), '127.0.0.1');

async function answer(request, response) {
  const received = describe(request, await text(request));
  if (received !== undefined) appendFileSync(file, `${received}\n`);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(answerTo(new URL(request.url, 'http://localhost'))));
}

/** Of an event, its id and what it is about; of a moment, its user. */
function describe({ url, headers }, body) {
  const id = headers['webhook-id'];
  if (id !== undefined) return `${JSON.parse(body).data.transaction_id} ${id}`;
  return url.includes('/server/moment') ? JSON.parse(body).user.userid : undefined;
}

function answerTo({ pathname, searchParams }) {
  if (pathname === '/api/v1/auth/sessions') return { token: 'token-of-a-partner' };
  if (pathname === '/api/v1/accounts')
    return { account_id: `account-${searchParams.get('external_user_id')}` };
  if (pathname.endsWith('/hub-summary')) return { unviewed_products: 12, total_tokens: 34 };
  // Of a moment without a reward.
  return { date: '2016-07-07T18:47:06.353111' };
}
