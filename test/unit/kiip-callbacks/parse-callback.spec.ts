import { parseCallback } from '../../../src/kiip-callbacks/parse-callback.js';
import type { CallbackMedia } from '../../../src/kiip-callbacks/parse-callback.js';
import { ISSUANCE, REDEMPTION } from './kiip-samples.js';

const SIGNATURE = '4b0175324fc792e92f9b6024f43bf6545bb4c478';

function read(body: string | Uint8Array, media: CallbackMedia, legacy = false) {
  return parseCallback(typeof body === 'string' ? Buffer.from(body) : body, media, legacy);
}

/** A redemption as JSON in which some members are replaced by the given source text, or added, or left out. */
function json(members: Readonly<Record<string, string | undefined>> = {}): string {
  const own = Object.entries({ ...REDEMPTION, signature: SIGNATURE }).map(([key, value]) => [
    key,
    JSON.stringify(value),
  ]);
  const all = Object.entries<string | undefined>({ ...Object.fromEntries(own), ...members });
  const given = all.filter(([, source]) => source !== undefined);
  return `{${given.map(([key, source]) => `${JSON.stringify(key)}:${source}`).join(',')}}`;
}

/** A redemption as JSON with more members behind it, as source text. */
function jsonAnd(more: string): string {
  return `${json().slice(0, -1)},${more}}`;
}

function form(members: Readonly<Record<string, string>> = {}): string {
  return new URLSearchParams({ ...REDEMPTION, signature: SIGNATURE, ...members }).toString();
}

const READ = { ok: true, kind: 'redemption', legacy: false, fields: REDEMPTION, signature: SIGNATURE };

describe('readCallback', () => {
  it('reads a redemption from JSON and from a form alike', () => {
    expect(read(json(), 'json')).toEqual(READ);
    expect(read(json({ quantity: '20' }), 'json')).toEqual(READ);
    expect(read(form(), 'form')).toEqual(READ);
  });

  it('reads an issuance from JSON and from a form alike', () => {
    const expected = { ok: true, kind: 'issuance', fields: ISSUANCE, signature: SIGNATURE };
    const body = { ...ISSUANCE, signature: SIGNATURE };
    expect(read(JSON.stringify(body), 'json')).toEqual(expected);
    expect(read(JSON.stringify({ ...body, quantity: 20 }), 'json')).toEqual(expected);
    expect(read(new URLSearchParams(body).toString(), 'form')).toEqual(expected);
  });

  it('reads a legacy redemption only where that format is enabled', () => {
    const { name: _name, ...fields } = REDEMPTION;
    const body = JSON.stringify(fields);
    expect(read(body, 'json', true)).toEqual({
      ok: true,
      kind: 'redemption',
      legacy: true,
      fields: { ...fields, name: undefined },
      signature: undefined,
    });
    expect(read(body, 'json', false)).toEqual({
      ok: false,
      detail: 'name is missing, and so are nonce and origin',
    });
  });

  it.each(['json', 'form'] as const)(
    'leaves a missing and an empty signature to the signature check (%s)',
    (media) => {
      const { signature: _signature, ...rest } = { ...REDEMPTION, signature: SIGNATURE };
      const bodies = {
        json: JSON.stringify,
        form: (members: object) => new URLSearchParams({ ...members }).toString(),
      };
      expect(read(bodies[media](rest), media)).toEqual({ ...READ, signature: undefined });
      expect(read(bodies[media]({ ...rest, signature: '' }), media)).toEqual({ ...READ, signature: '' });
    },
  );

  describe('keeps the text of a value as it arrived', () => {
    it.each([
      '20.0',
      '2e1',
      '2E+1',
      '-20',
      '-0',
      '0',
      '9007199254740993',
      '12345678901234567890',
      '1e400',
      '0.1',
    ])('the number %s', (source) => {
      expect(read(json({ quantity: source }), 'json')).toMatchObject({
        ok: true,
        fields: { quantity: source },
      });
      expect(read(json({ user_id: source }), 'json')).toMatchObject({
        ok: true,
        fields: { user_id: source },
      });
    });

    it.each([
      '',
      '020',
      '+20',
      ' 20',
      '20 ',
      '２０',
      'true',
      'null',
      '{"a":1}',
      '"',
      '\\',
      'a,b:c]}',
      '\u0000',
      '\u2028',
      'e\u0301',
      '😀',
      '\ufeff20',
    ])('the text %j', (text) => {
      const expected = { ok: true, fields: { quantity: text } };
      expect(read(json({ quantity: JSON.stringify(text) }), 'json')).toMatchObject(expected);
      expect(read(form({ quantity: text }), 'form')).toMatchObject(expected);
    });

    it('the escapes of JSON', () => {
      const body = json({ name: String.raw`"\u0043oins \"\\\/\n\ud83d\ude00"` });
      expect(read(body, 'json')).toMatchObject({ ok: true, fields: { name: 'Coins "\\/\n😀' } });
    });

    it('the escapes of a form, where + is a space and %2B a plus sign', () => {
      const body = form()
        .replace('user-123', 'user%2B1%40example.com')
        .replace('Coins', 'M%c3%bcnzen+%E9%87%91%20x');
      expect(read(body, 'form')).toMatchObject({
        ok: true,
        fields: { user_id: 'user+1@example.com', name: 'Münzen 金 x' },
      });
    });

    it('UTF-8 that a form did not escape', () => {
      expect(read(form().replace('Coins', 'Münzen'), 'form')).toMatchObject({
        ok: true,
        fields: { name: 'Münzen' },
      });
    });

    it('an equals sign in a value of a form', () => {
      expect(read(form().replace('Coins', 'a=b='), 'form')).toMatchObject({
        ok: true,
        fields: { name: 'a=b=' },
      });
    });
  });

  describe('takes members that it does not know', () => {
    it.each([
      ['of any shape', jsonAnd('"a":null,"b":[1,{"quantity":[]}],"c":{"user_id":{}},"d":true')],
      ['given twice', jsonAnd('"a":1,"a":2')],
      ['with a known name further down', jsonAnd('"a":{"quantity":1,"quantity":2},"b":[{"nonce":"n"}]')],
      ['with a known name in other letters', jsonAnd('"Quantity":"21","USER_ID":"x","nonce ":"n"')],
      ['with brackets and quotes in their text', jsonAnd(String.raw`"a":"}{][,:\"\\","quantity\\":"\\"`)],
      ['that are special to JavaScript', jsonAnd('"__proto__":{"quantity":"21"},"constructor":"x","":""')],
      ['nested 4,000 deep', jsonAnd(`"a":${'['.repeat(4_000)}${']'.repeat(4_000)}`)],
      ['nested 100,000 deep', jsonAnd(`"a":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)],
      ['with a lone surrogate', jsonAnd(String.raw`"a":"\ud800"`)],
      ['named origin, in a redemption', jsonAnd('"origin":"moment"')],
    ])('in JSON, %s', (_shape, body) => {
      expect(read(body, 'json')).toEqual(READ);
    });

    it.each([
      ['with brackets', `${form()}&quantity[]=1&quantity%5B%5D=2&name[x]=y`],
      ['given twice', `${form()}&a=1&a=2`],
      ['without a value', `${form()}&a&=&b=`],
      ['named origin, in a redemption', `${form()}&origin=moment`],
      ['and empty pairs', `&&${form()}&&`],
    ])('in a form, %s', (_shape, body) => {
      expect(read(body, 'form')).toEqual(READ);
    });
  });

  it('tolerates white space and one byte order mark around JSON', () => {
    expect(read(` \r\n\t${json().replaceAll(',', ' ,\n ').replaceAll(':', '\t:\r ')} \n`, 'json')).toEqual(
      READ,
    );
    expect(read(`\ufeff${json()}`, 'json')).toEqual(READ);
    expect(read(`\ufeff\ufeff${json()}`, 'json')).toMatchObject({ ok: false });
  });

  it.each([
    ['json', jsonAnd('"userid":"user-123"').replace(/"user_id":"user-123",/, '')],
    ['form', form().replace('user_id', 'userid')],
  ] as const)('takes userid for user_id where that is the only one (%s)', (media, body) => {
    expect(read(body, media)).toEqual(READ);
  });

  it.each(['content', 'name', 'quantity', 'user_id', 'transaction_id'])(
    'takes an empty %s for one that is there: its shape is judged once the signature holds',
    (member) => {
      const expected = { ok: true, kind: 'redemption', legacy: false, fields: { [member]: '' } };
      expect(read(json({ [member]: '""' }), 'json')).toMatchObject(expected);
      expect(read(form({ [member]: '' }), 'form')).toMatchObject(expected);
    },
  );

  describe('refuses as malformed', () => {
    const MEMBERS = [...Object.keys(REDEMPTION), 'nonce', 'origin', 'signature'];

    it.each(Object.keys(REDEMPTION).filter((member) => member !== 'name'))(
      'a redemption without %s',
      (member) => {
        expect(read(json({ [member]: undefined }), 'json')).toEqual({
          ok: false,
          detail: `${member} is missing`,
        });
      },
    );

    it.each(Object.keys(ISSUANCE))('an issuance without %s', (member) => {
      const body = JSON.stringify({ ...ISSUANCE, [member]: undefined });
      expect(read(body, 'json', true)).toEqual({ ok: false, detail: `${member} is missing` });
    });

    it.each(
      MEMBERS.flatMap((member) => ['null', 'true', '[]', '["20"]', '{}'].map((value) => [member, value])),
    )('JSON where %s is %s', (member = '', value = '') => {
      const detail = `${member} is neither a string nor a number`;
      expect(read(json({ [member]: value }), 'json')).toEqual({ ok: false, detail });
    });

    it.each(MEMBERS)('JSON where %s is given twice, the same or not, first or last', (member) => {
      const detail = `${member} is given twice`;
      const once = JSON.stringify({ ...REDEMPTION, signature: SIGNATURE, [member]: '1' }).slice(1, -1);
      for (const value of ['"1"', '"2"', '1', 'null']) {
        expect(read(`{${once},"${member}":${value}}`, 'json')).toEqual({ ok: false, detail });
      }
      expect(read(`{"${member}":"2",${once}}`, 'json')).toEqual({ ok: false, detail });
    });

    it.each([
      String.raw`\u0075ser_id`,
      String.raw`user\u005Fid`,
      String.raw`\u0075\u0073\u0065\u0072\u005f\u0069\u0064`,
      'userid',
    ])('JSON where user_id is given again as %s', (name) => {
      expect(read(jsonAnd(`"${name}":"victim"`), 'json')).toEqual({
        ok: false,
        detail: 'user_id is given twice',
      });
    });

    it.each(MEMBERS)('a form where %s is given twice', (member) => {
      const body = `${form({ [member]: '1' })}&${member}=1`;
      expect(read(body, 'form')).toEqual({ ok: false, detail: `${member} is given twice` });
    });

    it.each(['%75ser_id=x', 'userid=x', 'user_id', 'user_id='])(
      'a form where user_id is given again as %s',
      (pair) => {
        expect(read(`${form()}&${pair}`, 'form')).toEqual({ ok: false, detail: 'user_id is given twice' });
      },
    );

    it.each([true, false])('what has both name and nonce (legacy: %s)', (legacy) => {
      const both = { ok: false, detail: 'name and nonce exclude each other' };
      expect(read(jsonAnd('"nonce":"n","origin":"survey"'), 'json', legacy)).toEqual(both);
      expect(read(jsonAnd('"nonce":""'), 'json', legacy)).toEqual(both);
      expect(read(`${form()}&nonce=`, 'form', legacy)).toEqual(both);
    });

    it('an issuance cut off to look like a legacy redemption', () => {
      const { nonce: _nonce, ...rest } = ISSUANCE;
      expect(read(JSON.stringify(rest), 'json', true)).toEqual({ ok: false, detail: 'nonce is missing' });
    });

    it.each(['\\ud800', '\\udc00', 'a\\ud83d', '\\ude00\\ud83d'])(
      'JSON with the lone surrogate %s',
      (escape) => {
        const detail = 'user_id is not Unicode text';
        expect(read(json({ user_id: `"${escape}"` }), 'json')).toEqual({ ok: false, detail });
      },
    );

    it.each([
      '',
      ' ',
      '{',
      '{}x',
      'null',
      '20',
      '"{}"',
      '[]',
      `[${json()}]`,
      json() + json(),
      json().replace('{', '{,'),
      json().slice(0, -1),
      json({ quantity: '020' }),
      json({ quantity: '+20' }),
      json({ quantity: 'NaN' }),
      json({ quantity: '0x14' }),
      json({ quantity: "'20'" }),
      json({ quantity: '20n' }),
      json({ quantity: '20.' }),
      jsonAnd('a:1'),
      jsonAnd('"a":1,'),
      jsonAnd('"a":"\n"'),
      `${json()}\u0000`,
      `/**/${json()}`,
      '['.repeat(10_000),
      `${'{"a":'.repeat(10_000)}1`,
      form(),
    ])('what is no JSON object: %.60j', (body) => {
      expect(read(body, 'json')).toEqual({ ok: false, detail: 'the body is not a JSON object in UTF-8' });
    });

    it.each(['%zz', '%', '%4', '%ff', '%C3', '%C0%80', '%ED%A0%80', '%F4%90%80%80', '%E2%82'])(
      'a form with %s in a member that we know, though not in any other',
      (escape) => {
        const refused = { ok: false, detail: 'name is not percent-encoded UTF-8' };
        expect(read(form().replace('Coins', `Coins${escape}`), 'form')).toEqual(refused);
        expect(read(`${form()}&name=${escape}`, 'form')).toEqual({
          ok: false,
          detail: 'name is given twice',
        });
        expect(read(`${form()}&a=${escape}`, 'form')).toEqual(read(form(), 'form'));
        expect(read(`${form()}&${escape}=a`, 'form')).toEqual(read(form(), 'form'));
      },
    );

    it.each([
      ['a byte that is never UTF-8', [0xff]],
      ['Latin-1', [0xe9]],
      ['a sequence cut off', [0xe2, 0x82]],
      ['an overlong slash', [0xc0, 0xaf]],
      ['a surrogate', [0xed, 0xa0, 0x80]],
    ])('bytes that are not UTF-8: %s', (_fault, bytes) => {
      for (const media of ['json', 'form'] as const) {
        const [before, after] = (media === 'json' ? json() : form()).split('Coins');
        const body = Buffer.concat([
          Buffer.from(`${before}Coins`),
          Buffer.from(bytes),
          Buffer.from(after ?? ''),
        ]);
        expect(read(body, media)).toMatchObject({ ok: false });
      }
    });

    it('UTF-16 and an empty form', () => {
      expect(read(Buffer.from(json(), 'utf16le'), 'json')).toMatchObject({ ok: false });
      expect(read('', 'form')).toEqual({ ok: false, detail: 'name is missing, and so are nonce and origin' });
      expect(read('&'.repeat(16_384), 'form')).toMatchObject({ ok: false });
      expect(read(json(), 'form')).toMatchObject({ ok: false });
    });
  });

  it('never repeats a value in its detail', () => {
    const bodies = [
      json({ user_id: '["victim"]' }),
      jsonAnd('"user_id":"victim"'),
      json({ user_id: '"victim\\ud800"' }),
    ];
    for (const body of bodies)
      expect(JSON.stringify(read(body, 'json'))).not.toMatch(/victim|7f3c2a10|5473ca54/);
  });
});
