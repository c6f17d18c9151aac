import { isFeedCursor } from '../../../src/ledger/ledger-feed.js';

describe('isFeedCursor', () => {
  it.each([
    '',
    'x',
    'feed:1',
    '-1',
    'ZmVlZDo=',
    'ZmVlZDotMQ',
    'ZmVlZDoxLjU',
    'ZmVlZDoxIA',
    'ZmVlZDow=',
    '\0',
    '…',
  ])('rejects the invalid cursor %j', (text) => {
    expect(isFeedCursor(text)).toBe(false);
  });

  it('accepts the cursor of the start of the feed', () => {
    expect(isFeedCursor(Buffer.from('feed:0').toString('base64url'))).toBe(true);
  });
});
