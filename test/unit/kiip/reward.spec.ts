import { readMoment, rewardOrigins, InvalidRewardError } from '../../../src/kiip/reward.js';

const origins = rewardOrigins(['api.kiip.me', 'localhost:4000', '[::1]:4000']);
const date = '2016-07-07T18:47:06.353111';
const url =
  'https://api.kiip.me/reward/577ea3aa-b723-ae81-660c-79fae3443e12/5473ca54-59a5-cf65-d319-c91697297fcc?application_id=565a559f-a0ef-3384-66bc-669e61d12c93&locale=en_US&mode=standalone&preview=true&sdk=none';

/** Kiip's example of a response (docs/vendors/kiip.md, 4). */
const sample = {
  date,
  notification: {
    reward_name: 'Test Reward - Virtual Click',
    reward_image_url: 'https://d3aq14vri881or.cloudfront.net/5473ca60_KiipRewardTemplate.png',
  },
  view: {
    email_bounced: false,
    id: 'test_5473ca54-59a5-cf65-d319-c91697297fcc',
    modal: {
      message: 'Test Reward - Virtual Click',
      timeout: 10,
      body_url: url,
      title: 'Loading your Kiip Reward:',
    },
    used_date: null,
  },
};

const withUrl = (body_url: unknown) => ({ ...sample, view: { ...sample.view, modal: { body_url } } });

describe('readMoment', () => {
  it('reads the reward of the documented example', () => {
    expect(readMoment(sample, origins)).toEqual({
      rewarded: true,
      date: '2016-07-07T18:47:06.353111Z',
      reward: {
        id: 'test_5473ca54-59a5-cf65-d319-c91697297fcc',
        name: 'Test Reward - Virtual Click',
        image_url: 'https://d3aq14vri881or.cloudfront.net/5473ca60_KiipRewardTemplate.png',
        title: 'Loading your Kiip Reward:',
        message: 'Test Reward - Virtual Click',
        timeout_seconds: 10,
        display_url: url,
        email_bounced: false,
        used_date: null,
      },
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['a date alone', { date }],
    ['no view but a notification', { date, notification: sample.notification }],
    ['a null view', { date, view: null }],
    ['an empty view', { date, view: {} }],
    ['a null modal', { date, view: { id: 'x', modal: null } }],
    ['a modal without a page', { date, view: { id: 'x', modal: { title: 'x' } } }],
    ['a null page', { ...withUrl(null) }],
    ['an empty page', { ...withUrl('') }],
    ['unknown members', { date, virtual: { virtual_value: 20 }, anything: [1] }],
  ])('is no reward with %s', (_, answer) => {
    expect(readMoment(answer, origins)).toEqual({
      rewarded: false,
      date: '2016-07-07T18:47:06.353111Z',
      reward: null,
    });
  });

  it('reads an empty object as no reward without a date', () => {
    expect(readMoment({}, origins)).toEqual({ rewarded: false, date: null, reward: null });
  });

  it('reads a reward that has only a page, with null for fields that are missing or of another type', () => {
    const nothing = {
      id: null,
      name: null,
      image_url: null,
      title: null,
      message: null,
      timeout_seconds: null,
      display_url: url,
      email_bounced: null,
      used_date: null,
    };
    expect(readMoment({ view: { modal: { body_url: url } } }, origins)).toEqual({
      rewarded: true,
      date: null,
      reward: nothing,
    });
    const odd = {
      date: 1,
      notification: 'x',
      view: {
        id: 1,
        email_bounced: 'no',
        used_date: 'soon',
        modal: { body_url: url, title: [], message: {}, timeout: '10' },
      },
    };
    expect(readMoment(odd, origins).reward).toEqual(nothing);
  });

  it.each([
    ['the view', { ...sample, view: { ...sample.view, used_date: '2016-07-08T00:00:00.000001' } }],
    [
      'the root',
      { ...sample, view: { id: 'x', modal: sample.view.modal }, used_date: '2016-07-08T00:00:00.000001' },
    ],
  ])('reads the time of use from %s', (_, answer) => {
    expect(readMoment(answer, origins).reward?.used_date).toBe('2016-07-08T00:00:00.000001Z');
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', '/x.png', 'x'])(
    'reads the image URL %s as null',
    (picture) => {
      const answer = { ...sample, notification: { reward_image_url: picture } };
      expect(readMoment(answer, origins).reward?.image_url).toBeNull();
    },
  );

  it.each([
    url,
    'https://api.kiip.me/reward/preview/x?locale=&sdk_version=2.0.9',
    'HTTPS://API.KIIP.ME/x',
    'https://api.kiip.me:443/x',
    'https://api.kiip.me/ünïcode?q=|{}#x',
    'https://api.kiip.me/a@b',
    'http://localhost:4000/x',
    'https://localhost:4000/x',
    'http://[::1]:4000/x',
  ])('passes the page %s on unchanged', (page) => {
    expect(readMoment(withUrl(page), origins).reward?.display_url).toBe(page);
  });

  it.each([
    'http://api.kiip.me/x',
    'https://rewards.example.net/x',
    'https://api.kiip.me.example.net/x',
    'https://api.kiip.me:8443/x',
    'https://user@api.kiip.me/x',
    'https://user:password@api.kiip.me/x',
    'https://@api.kiip.me/x',
    'https://api.kiip.me@example.net/x',
    'https://api.kiip.me\\@example.net/x',
    'https:\\\\api.kiip.me/x',
    'https:api.kiip.me/x',
    'https:/api.kiip.me/x',
    ' https://api.kiip.me/x',
    'https://api.kiip.me/x\n',
    'https://api.ki\tip.me/x',
    'https://api.kiip.me/\u202Ex',
    'http://localhost/x',
    'http://localhost:4001/x',
    '//api.kiip.me/x',
    '/x',
    'javascript:alert(1)',
    'javascript://api.kiip.me/%0aalert(1)',
    'kiip://did_dismiss',
    'x',
    1,
    true,
    [url],
    { url },
  ])('rejects the page %j', (page) => {
    expect(() => readMoment(withUrl(page), origins)).toThrow(InvalidRewardError);
  });

  it.each<[string, Record<string, unknown>]>([
    ['a view that is text', { view: 'x' }],
    ['a view that is a list', { view: [sample.view] }],
    ['a modal that is a number', { view: { modal: 1 } }],
  ])('rejects %s', (_, answer) => {
    expect(() => readMoment(answer, origins)).toThrow(InvalidRewardError);
  });

  it('never repeats a value in its error message', () => {
    expect(() => readMoment(withUrl('https://secret.example.net/'), origins)).toThrow(
      /^view\.modal\.body_url is not https on an allowed host$/,
    );
  });
});
