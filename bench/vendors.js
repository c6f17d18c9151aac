// Kigo, Kiip and a consumer with constant answers: the sandbox, which remembers and checks, would be what is measured.
import { once } from 'node:events';
import { createServer } from 'node:http';

const encode = (value) => Buffer.from(JSON.stringify(value));
const TOKEN = encode({ token: 'token-of-a-partner' });
const ACCOUNT = encode({ account_id: 'account-1' });
const SUMMARY = encode({ unviewed_products: 12, total_tokens: 40 });
const REWARD = encode({
  date: '2016-07-07T18:47:06.353111',
  notification: { reward_name: 'Test Reward', reward_image_url: 'https://cdn.kiip.me/reward.png' },
  view: {
    email_bounced: false,
    id: 'test_5473ca54-59a5-cf65-d319-c91697297fcc',
    modal: {
      message: 'Test Reward',
      timeout: 10,
      body_url:
        'https://api.kiip.me/reward/577ea3aa-b723-ae81-660c-79fae3443e12/5473ca54-59a5-cf65-d319-c91697297fcc?locale=en_US',
      title: 'Your reward',
    },
    used_date: null,
  },
});
const NOTHING = encode({});

let delayMs = 0;
const late = [];

/** Each answer waits this long, until `answerDue` is called: timers are off by up to a millisecond. */
export function delayAnswers(ms) {
  delayMs = ms;
}

export function answerDue() {
  while (late.length > 0 && late[0].due <= performance.now()) {
    const { response, body } = late.shift();
    response.end(body);
  }
}

/** @returns the port */
export async function listen() {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const body = answerTo(request.url);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
      if (delayMs === 0) response.end(body);
      else late.push({ due: performance.now() + delayMs, response, body });
    });
  });
  server.keepAliveTimeout = 300_000;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server.address().port;
}

function answerTo(url) {
  if (url.startsWith('/2.0/server/moment')) return REWARD;
  if (url.endsWith('/hub-summary')) return SUMMARY;
  if (url.startsWith('/api/v1/accounts')) return ACCOUNT;
  return url.startsWith('/api/v1/auth/sessions') ? TOKEN : NOTHING;
}
