import { textResponse } from '../server/http-response.js';
import type { HttpResponse } from '../server/http-response.js';
import type { KiipReward } from './kiip-rewards.js';
import { kiipSignature } from './kiip-signer.js';

const HTML = 'text/html; charset=utf-8';

export const REWARD_IMAGE = textResponse(
  200,
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><circle cx="48" cy="48" r="44" fill="#f5b301"/>' +
    '<circle cx="48" cy="48" r="34" fill="none" stroke="#fff3c4" stroke-width="5"/>' +
    '<path d="M48 27l6 14 15 1-12 10 4 15-13-8-13 8 4-15-12-10 15-1z" fill="#fff3c4"/></svg>\n',
  'image/svg+xml',
);

/** The page behind a reward's body_url: it redeems by a POST to itself and speaks to the app in kiip: URLs. */
export function rewardPage(reward: KiipReward): HttpResponse {
  const text = escaped(`${reward.quantity} ${reward.name}`);
  const email = reward.email_address === null ? '' : escaped(reward.email_address);
  const close = '<a class="close" href="kiip://did_dismiss?close=1" aria-label="Close">Close</a>';
  return page(
    `${text} for you`,
    `${reward.close_button ? close : ''}
${reward.test ? '<p class="badge">Test reward</p>' : ''}
<img src="/reward/image.svg" alt="" width="96" height="96">
<h1>${text}</h1>
<p>You earned it. Take it before it is gone.</p>
<form method="post">
<input type="email" name="email" placeholder="you@example.com" aria-label="E-mail address" value="${email}">
<button${reward.used_date === null ? '' : ' disabled'}>${reward.used_date === null ? 'Redeem' : 'Redeemed'}</button>
</form>
<p id="said" role="status"></p>
<script>
document.querySelector('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = document.querySelector('button');
  const said = document.getElementById('said');
  button.disabled = true;
  try {
    const response = await (await fetch(location.href, { method: 'POST' })).json();
    if (response.error) throw new Error(response.error);
    button.textContent = 'Redeemed';
    for (const url of response.navigate) {
      said.textContent += url + '\\n';
      location.href = url;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } catch (error) {
    said.textContent = error.message;
    button.disabled = false;
  }
});
</script>`,
  );
}

/** Where the page goes after a redemption, one after the other (docs/vendors/kiip.md). */
export function kiipUrls(reward: KiipReward, secret: string): string[] {
  const { content, name, user_id, view_id: transaction_id } = reward;
  const quantity = String(reward.quantity);
  // Whether the device gets the callback's own signature is not documented; this is what a receiver must survive.
  const signature = kiipSignature(
    'redemption',
    { content, name, quantity, user_id: user_id ?? '', transaction_id },
    secret,
  );
  const query = new URLSearchParams({ content, quantity, transaction_id, signature }).toString();
  return [`kiip://content?${query}`, 'kiip://did_dismiss'];
}

export function noSuchReward(): HttpResponse {
  const response = page(
    'No such reward',
    '<h1>No such reward</h1><p>It was never given, or it is long gone.</p>',
  );
  return { ...response, status: 404 };
}

function page(title: string, content: string): HttpResponse {
  return textResponse(
    200,
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #fff6dd; color: #3b2f0b; font: 16px/1.5 system-ui, sans-serif }
main { position: relative; box-sizing: border-box; width: min(22rem, 92vw); padding: 2.5rem 1.5rem 1.5rem; border-radius: 1rem; background: #fff; box-shadow: 0 8px 30px #7a5c0033; text-align: center }
h1 { margin: .5rem 0 0 }
p { text-wrap: balance }
input, button { box-sizing: border-box; width: 100%; margin-top: .75rem; padding: .75rem; border-radius: .5rem; font: inherit }
input { border: 1px solid #d9cfae }
button { border: 0; background: #9a5b00; color: #fff; font-weight: 600; cursor: pointer }
button:disabled { background: #6f6753; cursor: default }
.close { position: absolute; top: .25rem; right: .25rem; padding: .6rem .75rem; color: inherit }
.badge { margin: 0 0 1rem; color: #8a6d00; font-size: .875rem }
#said { margin: 1rem 0 0; font: 12px/1.4 ui-monospace, monospace; text-align: left; white-space: pre-wrap; overflow-wrap: anywhere }
#said:empty { margin: 0 }
</style>
<main>
${content}
</main>
</html>
`,
    HTML,
  );
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
