import { readMoment, InvalidRewardError } from '../../../src/kiip/reward.js';

const hosts = ['api.kiip.me', 'localhost:4000', '[::1]:4000'];
const date = '2016-07-07T18:47:06.353111';
const url =
  'https://api.kiip.me/reward/577ea3aa-b723-ae81-660c-79fae3443e12/5473ca54-59a5-cf65-d319-c91697297fcc?application_id=565a559f-a0ef-3384-66bc-669e61d12c93&locale=en_US&mode=standalone&preview=true&sdk=none';

/** The vendor's example (kiip-server-to-server.txt, "Example Response"). */
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

describe("Kiip's answer to a moment", () => {
  it('is a reward, as in the example', () => {
    expect(readMoment(sample, hosts)).toEqual({
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
    expect(readMoment(answer, hosts)).toEqual({
      rewarded: false,
      date: '2016-07-07T18:47:06.353111Z',
      reward: null,
    });
  });

  it('is no reward and has no date with no member at all', () => {
    expect(readMoment({}, hosts)).toEqual({ rewarded: false, date: null, reward: null });
  });

  it('is a reward with a page alone; what is missing or of another type is null', () => {
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
    expect(readMoment({ view: { modal: { body_url: url } } }, hosts)).toEqual({
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
    expect(readMoment(odd, hosts).reward).toEqual(nothing);
  });

  it.each([
    ['the view', { ...sample, view: { ...sample.view, used_date: '2016-07-08T00:00:00.000001' } }],
    [
      'the root',
      { ...sample, view: { id: 'x', modal: sample.view.modal }, used_date: '2016-07-08T00:00:00.000001' },
    ],
  ])('may tell in %s when the reward was used', (_, answer) => {
    expect(readMoment(answer, hosts).reward?.used_date).toBe('2016-07-08T00:00:00.000001Z');
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', '/x.png', 'x'])('gives no picture at %s', (picture) => {
    const answer = { ...sample, notification: { reward_image_url: picture } };
    expect(readMoment(answer, hosts).reward?.image_url).toBeNull();
  });

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
  ])('passes the page %s on as it stands', (page) => {
    expect(readMoment(withUrl(page), hosts).reward?.display_url).toBe(page);
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
  ])('cannot be used with the page %j', (page) => {
    expect(() => readMoment(withUrl(page), hosts)).toThrow(InvalidRewardError);
  });

  it.each<[string, Record<string, unknown>]>([
    ['a view that is text', { view: 'x' }],
    ['a view that is a list', { view: [sample.view] }],
    ['a modal that is a number', { view: { modal: 1 } }],
  ])('cannot be used with %s', (_, answer) => {
    expect(() => readMoment(answer, hosts)).toThrow(InvalidRewardError);
  });

  it('never repeats a value in what it says is wrong', () => {
    expect(() => readMoment(withUrl('https://secret.example.net/'), hosts)).toThrow(
      /^view\.modal\.body_url is not https on an allowed host$/,
    );
  });
});
