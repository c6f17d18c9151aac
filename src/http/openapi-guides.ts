/** The introduction of the API description, before the list of problems. */
export const GUIDES = `
One API for Kigo, a loyalty hub, and Kiip, a rewards network.

## What you can do

**Show a badge.** \`GET /api/user/unviewed-count\` returns the number of tokens that a user has not yet viewed, and \`POST /api/v1/unviewed-counts\` those of up to 100 users. When a user has just looked, or was given something, call \`POST /api/v1/unviewed-counts/refresh\`. \`Age\` and \`Cache-Status\` say how old a number is.

**Reward an action.**

1. \`POST /api/v1/kiip/sessions\` when the app opens, and again when it closes.
2. \`POST /api/v1/kiip/moments\` when the user has done something. Send an \`Idempotency-Key\`: with the same key it is safe to repeat the request, and without one it is not.
3. If \`rewarded\` is true, show \`reward.display_url\` in a frame or web view.

**Credit what a user has earned.** Kiip reports it to the gateway, and the gateway sends it to your consumer: see the webhook \`kiip.currency.issued\`. Verify the signature, and count each \`webhook-id\` once. A consumer that cannot be reached from here reads \`GET /api/v1/kiip/issuances\` instead: keep \`next\`, and continue from it. \`GET /api/v1/kiip/users/{user_id}/balances\` returns the sums.

**Answer a user's question.** \`GET /api/v1/kiip/issuances?user_id=…\` finds the entries, and \`GET /api/v1/kiip/issuances/{id}\` tells what happened to one: how it was verified, who decided, and each attempt to deliver it. \`GET /api/v1/kiip/users/{user_id}/rewards\` lists what moments promised.

**Decide what waits.** \`GET /api/v1/kiip/issuances?status=quarantined\` lists the entries with the reason; one of them alone has what else its signed text could mean. \`…/release\` accepts one, \`…/discard\` does not, and \`GET /api/v1/audit\` tells who did.

**Send events again.** \`POST /api/v1/deliveries/{id}/retry\` sends one delivery, and \`POST /api/v1/deliveries/replays\` all of a time window, always under the same \`webhook-id\`. With \`"dry_run": true\` a replay is only counted. \`GET /api/v1/kiip/reconciliation\` tells whether anything is missing.

## How to call it

Send an API key or token as \`Authorization: Bearer <credential>\`. \`RateLimit\` says how many requests of this minute are left. A body has at most 1 MiB and 1,000 values. Unknown query parameters and properties are refused by name. Every response has an \`X-Request-Id\`: your own if it is well formed, otherwise a new one.

Ignore properties that you do not know: a later version may add some. Integers may need 64 bits. Times are in UTC.

## Errors

Every error is a problem (RFC 9457). \`retryable\` says whether the same request may succeed later, and \`Retry-After\` when. Unknown paths get \`not-found\`; other methods of a known path get \`method-not-allowed\` and \`Allow\`.
`.trim();
