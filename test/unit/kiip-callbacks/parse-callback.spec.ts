import { mock } from 'node:test';
import { parseCallback } from '../../../src/kiip-callbacks/parse-callback.js';
import type { CallbackMedia } from '../../../src/kiip-callbacks/parse-callback.js';
import { ISSUANCE, REDEMPTION } from './kiip-samples.js';

const SIGNATURE = '4b0175324fc792e92f9b6024f43bf6545bb4c478';

function parse(body: string | Uint8Array, media: CallbackMedia, legacy = false) {
  return parseCallback(typeof body === 'string' ? Buffer.from(body) : body, media, legacy);
}

/** Builds a redemption as JSON in which the given fields, as JSON source text, are replaced, added or (undefined) left out. */
function json(fields: Readonly<Record<string, string | undefined>> = {}): string {
  const own = Object.entries({ ...REDEMPTION, signature: SIGNATURE }).map(([key, value]) => [
    key,
    JSON.stringify(value),
  ]);
  const all = Object.entries<string | undefined>({ ...Object.fromEntries(own), ...fields });
  const given = all.filter(([, source]) => source !== undefined);
  return `{${given.map(([key, source]) => `${JSON.stringify(key)}:${source}`).join(',')}}`;
}

/** Builds a redemption as JSON with more fields at the end, as JSON source text. */
function jsonWith(more: string): string {
  return `${json().slice(0, -1)},${more}}`;
}

function form(fields: Readonly<Record<string, string>> = {}): string {
  return new URLSearchParams({ ...REDEMPTION, signature: SIGNATURE, ...fields }).toString();
}

const PARSED = { ok: true, kind: 'redemption', legacy: false, fields: REDEMPTION, signature: SIGNATURE };

describe('parseCallback', () => {
  it('parses a redemption from JSON and from a form', () => {
    expect(parse(json(), 'json')).toEqual(PARSED);
    expect(parse(json({ quantity: '20' }), 'json')).toEqual(PARSED);
    expect(parse(form(), 'form')).toEqual(PARSED);
  });

  it('parses an issuance from JSON and from a form', () => {
    const expected = { ok: true, kind: 'issuance', fields: ISSUANCE, signature: SIGNATURE };
    const body = { ...ISSUANCE, signature: SIGNATURE };
    expect(parse(JSON.stringify(body), 'json')).toEqual(expected);
    expect(parse(JSON.stringify({ ...body, quantity: 20 }), 'json')).toEqual(expected);
    expect(parse(new URLSearchParams(body).toString(), 'form')).toEqual(expected);
  });

  it('parses a legacy redemption only when that format is enabled', () => {
    const { name: _name, ...fields } = REDEMPTION;
    const body = JSON.stringify(fields);
    expect(parse(body, 'json', true)).toEqual({
      ok: true,
      kind: 'redemption',
      legacy: true,
      fields: { ...fields, name: undefined },
      signature: undefined,
    });
    expect(parse(body, 'json', false)).toEqual({
      ok: false,
      detail: 'name is missing, and so are nonce and origin',
    });
  });

  it.each(['json', 'form'] as const)(
    'accepts a missing or empty signature, which the signature check rejects later (%s)',
    (media) => {
      const { signature: _signature, ...rest } = { ...REDEMPTION, signature: SIGNATURE };
      const bodies = {
        json: JSON.stringify,
        form: (fields: object) => new URLSearchParams({ ...fields }).toString(),
      };
      expect(parse(bodies[media](rest), media)).toEqual({ ...PARSED, signature: undefined });
      expect(parse(bodies[media]({ ...rest, signature: '' }), media)).toEqual({ ...PARSED, signature: '' });
    },
  );

  describe('with different field values', () => {
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
    ])('keeps the text of the JSON number %s', (source) => {
      expect(parse(json({ quantity: source }), 'json')).toMatchObject({
        ok: true,
        fields: { quantity: source },
      });
      expect(parse(json({ user_id: source }), 'json')).toMatchObject({
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
    ])('keeps the text %j', (text) => {
      const expected = { ok: true, fields: { quantity: text } };
      expect(parse(json({ quantity: JSON.stringify(text) }), 'json')).toMatchObject(expected);
      expect(parse(form({ quantity: text }), 'form')).toMatchObject(expected);
    });

    it('decodes JSON escapes', () => {
      const body = json({ name: String.raw`"\u0043oins \"\\\/\n\ud83d\ude00"` });
      expect(parse(body, 'json')).toMatchObject({ ok: true, fields: { name: 'Coins "\\/\n😀' } });
    });

    it('decodes form escapes, with + as a space and %2B as a plus sign', () => {
      const body = form()
        .replace('user-123', 'user%2B1%40example.com')
        .replace('Coins', 'M%c3%bcnzen+%E9%87%91%20x');
      expect(parse(body, 'form')).toMatchObject({
        ok: true,
        fields: { user_id: 'user+1@example.com', name: 'Münzen 金 x' },
      });
    });

    it('accepts unescaped UTF-8 in a form', () => {
      expect(parse(form().replace('Coins', 'Münzen'), 'form')).toMatchObject({
        ok: true,
        fields: { name: 'Münzen' },
      });
    });

    it('accepts an equals sign in a form value', () => {
      expect(parse(form().replace('Coins', 'a=b='), 'form')).toMatchObject({
        ok: true,
        fields: { name: 'a=b=' },
      });
    });
  });

  describe('with unknown fields', () => {
    it.each([
      ['values of any type', jsonWith('"a":null,"b":[1,{"quantity":[]}],"c":{"user_id":{}},"d":true')],
      ['duplicate fields', jsonWith('"a":1,"a":2')],
      ['nested fields with known names', jsonWith('"a":{"quantity":1,"quantity":2},"b":[{"nonce":"n"}]')],
      ['known names in another case', jsonWith('"Quantity":"21","USER_ID":"x","nonce ":"n"')],
      ['brackets and quotes in strings', jsonWith(String.raw`"a":"}{][,:\"\\","quantity\\":"\\"`)],
      [
        'names that are special in JavaScript',
        jsonWith('"__proto__":{"quantity":"21"},"constructor":"x","":""'),
      ],
      ['30 levels of nesting', jsonWith(`"a":${'['.repeat(30)}${']'.repeat(30)}`)],
      ['240 more', jsonWith(Array.from({ length: 240 }, (_, index) => `"a${index}":1`).join())],
      ['a lone surrogate', jsonWith(String.raw`"a":"\ud800"`)],
      ['origin in a redemption', jsonWith('"origin":"moment"')],
    ])('ignores them in JSON: %s', (_shape, body) => {
      expect(parse(body, 'json')).toEqual(PARSED);
    });

    it.each([
      ['more than 32 levels of arrays', 'json', jsonWith(`"a":${'['.repeat(32)}${']'.repeat(32)}`)],
      [
        'more than 32 levels of objects',
        'json',
        jsonWith(`"a":${'{"a":'.repeat(4_000)}1${'}'.repeat(4_000)}`),
      ],
      ['brackets that are never closed', 'json', '['.repeat(10_000)],
      ['an escaped quote and deep nesting', 'json', String.raw`{"a\\":${'['.repeat(100)}`],
      [
        'more than 256 fields',
        'json',
        jsonWith(Array.from({ length: 256 }, (_, index) => `"a${index}":1`).join()),
      ],
      ['more than 256 items', 'json', jsonWith(`"a":[${'1,'.repeat(256)}1]`)],
      ['more than 256 fields', 'form', `${form()}&${'a=1&'.repeat(256)}`],
    ] as const)('rejects %s before it parses the %s', (_shape, media, body) => {
      const parseJson = mock.method(JSON, 'parse');
      const decodeText = mock.method(TextDecoder.prototype, 'decode');
      expect(parse(body, media)).toEqual({
        ok: false,
        detail: 'the body has too many values, or is nested too deeply',
      });
      expect([parseJson.mock.callCount(), decodeText.mock.callCount()]).toEqual([0, 0]);
      mock.restoreAll();
    });

    it.each([
      ['names with brackets', `${form()}&quantity[]=1&quantity%5B%5D=2&name[x]=y`],
      ['duplicate fields', `${form()}&a=1&a=2`],
      ['fields without a value', `${form()}&a&=&b=`],
      ['origin in a redemption', `${form()}&origin=moment`],
      ['empty pairs', `&&${form()}&&`],
    ])('ignores them in a form: %s', (_shape, body) => {
      expect(parse(body, 'form')).toEqual(PARSED);
    });
  });

  it('accepts white space and one byte order mark around JSON', () => {
    expect(parse(` \r\n\t${json().replaceAll(',', ' ,\n ').replaceAll(':', '\t:\r ')} \n`, 'json')).toEqual(
      PARSED,
    );
    expect(parse(`\ufeff${json()}`, 'json')).toEqual(PARSED);
    expect(parse(`\ufeff\ufeff${json()}`, 'json')).toMatchObject({ ok: false });
  });

  it.each([
    ['json', jsonWith('"userid":"user-123"').replace(/"user_id":"user-123",/, '')],
    ['form', form().replace('user_id', 'userid')],
  ] as const)('accepts userid in place of user_id (%s)', (media, body) => {
    expect(parse(body, media)).toEqual(PARSED);
  });

  it.each(['content', 'name', 'quantity', 'user_id', 'transaction_id'])(
    'accepts an empty %s, which is validated after the signature',
    (field) => {
      const expected = { ok: true, kind: 'redemption', legacy: false, fields: { [field]: '' } };
      expect(parse(json({ [field]: '""' }), 'json')).toMatchObject(expected);
      expect(parse(form({ [field]: '' }), 'form')).toMatchObject(expected);
    },
  );

  describe('with a malformed body', () => {
    const FIELD_NAMES = [...Object.keys(REDEMPTION), 'nonce', 'origin', 'signature'];

    it.each(Object.keys(REDEMPTION).filter((field) => field !== 'name'))(
      'rejects a redemption without %s',
      (field) => {
        expect(parse(json({ [field]: undefined }), 'json')).toEqual({
          ok: false,
          detail: `${field} is missing`,
        });
      },
    );

    it.each(Object.keys(ISSUANCE))('rejects an issuance without %s', (field) => {
      const body = JSON.stringify({ ...ISSUANCE, [field]: undefined });
      expect(parse(body, 'json', true)).toEqual({ ok: false, detail: `${field} is missing` });
    });

    it.each(
      FIELD_NAMES.flatMap((field) => ['null', 'true', '[]', '["20"]', '{}'].map((value) => [field, value])),
    )('rejects JSON in which %s is %s', (field = '', value = '') => {
      const detail = `${field} is neither a string nor a number`;
      expect(parse(json({ [field]: value }), 'json')).toEqual({ ok: false, detail });
    });

    it.each(FIELD_NAMES)('rejects JSON with a duplicate %s, with equal or different values', (field) => {
      const detail = `${field} is given twice`;
      const once = JSON.stringify({ ...REDEMPTION, signature: SIGNATURE, [field]: '1' }).slice(1, -1);
      for (const value of ['"1"', '"2"', '1', 'null']) {
        expect(parse(`{${once},"${field}":${value}}`, 'json')).toEqual({ ok: false, detail });
      }
      expect(parse(`{"${field}":"2",${once}}`, 'json')).toEqual({ ok: false, detail });
    });

    it.each([
      String.raw`\u0075ser_id`,
      String.raw`user\u005Fid`,
      String.raw`\u0075\u0073\u0065\u0072\u005f\u0069\u0064`,
      'userid',
    ])('rejects JSON with user_id and also %s', (name) => {
      expect(parse(jsonWith(`"${name}":"victim"`), 'json')).toEqual({
        ok: false,
        detail: 'user_id is given twice',
      });
    });

    it.each(FIELD_NAMES)('rejects a form with a duplicate %s', (field) => {
      const body = `${form({ [field]: '1' })}&${field}=1`;
      expect(parse(body, 'form')).toEqual({ ok: false, detail: `${field} is given twice` });
    });

    it.each(['%75ser_id=x', 'userid=x', 'user_id', 'user_id='])(
      'rejects a form with user_id and also %s',
      (pair) => {
        expect(parse(`${form()}&${pair}`, 'form')).toEqual({ ok: false, detail: 'user_id is given twice' });
      },
    );

    it.each([true, false])('rejects a body with both name and nonce (legacy: %s)', (legacy) => {
      const both = { ok: false, detail: 'name and nonce exclude each other' };
      expect(parse(jsonWith('"nonce":"n","origin":"survey"'), 'json', legacy)).toEqual(both);
      expect(parse(jsonWith('"nonce":""'), 'json', legacy)).toEqual(both);
      expect(parse(`${form()}&nonce=`, 'form', legacy)).toEqual(both);
    });

    it('rejects an issuance without a nonce that looks like a legacy redemption', () => {
      const { nonce: _nonce, ...rest } = ISSUANCE;
      expect(parse(JSON.stringify(rest), 'json', true)).toEqual({ ok: false, detail: 'nonce is missing' });
    });

    it.each(['\\ud800', '\\udc00', 'a\\ud83d', '\\ude00\\ud83d'])(
      'rejects JSON with the lone surrogate %s',
      (escape) => {
        const detail = 'user_id is not Unicode text';
        expect(parse(json({ user_id: `"${escape}"` }), 'json')).toEqual({ ok: false, detail });
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
      jsonWith('a:1'),
      jsonWith('"a":1,'),
      jsonWith('"a":"\n"'),
      `${json()}\u0000`,
      `/**/${json()}`,
      '['.repeat(30),
      form(),
    ])('rejects text that is not a JSON object: %.60j', (body) => {
      expect(parse(body, 'json')).toEqual({ ok: false, detail: 'the body is not a JSON object in UTF-8' });
    });

    it.each(['%zz', '%', '%4', '%ff', '%C3', '%C0%80', '%ED%A0%80', '%F4%90%80%80', '%E2%82'])(
      'rejects a form with the invalid escape %s in a known field, but not in an unknown field',
      (escape) => {
        const rejected = { ok: false, detail: 'name is not percent-encoded UTF-8' };
        expect(parse(form().replace('Coins', `Coins${escape}`), 'form')).toEqual(rejected);
        expect(parse(`${form()}&name=${escape}`, 'form')).toEqual({
          ok: false,
          detail: 'name is given twice',
        });
        expect(parse(`${form()}&a=${escape}`, 'form')).toEqual(parse(form(), 'form'));
        expect(parse(`${form()}&${escape}=a`, 'form')).toEqual(parse(form(), 'form'));
      },
    );

    it.each([
      ['a byte that is never UTF-8', [0xff]],
      ['Latin-1', [0xe9]],
      ['a truncated sequence', [0xe2, 0x82]],
      ['an overlong slash', [0xc0, 0xaf]],
      ['a surrogate', [0xed, 0xa0, 0x80]],
    ])('rejects bytes that are not UTF-8: %s', (_fault, bytes) => {
      for (const media of ['json', 'form'] as const) {
        const [before, after] = (media === 'json' ? json() : form()).split('Coins');
        const body = Buffer.concat([
          Buffer.from(`${before}Coins`),
          Buffer.from(bytes),
          Buffer.from(after ?? ''),
        ]);
        expect(parse(body, media)).toMatchObject({ ok: false });
      }
    });

    it('rejects UTF-16 text and an empty form', () => {
      expect(parse(Buffer.from(json(), 'utf16le'), 'json')).toMatchObject({ ok: false });
      expect(parse('', 'form')).toEqual({
        ok: false,
        detail: 'name is missing, and so are nonce and origin',
      });
      expect(parse('&'.repeat(16_384), 'form')).toMatchObject({ ok: false });
      expect(parse(json(), 'form')).toMatchObject({ ok: false });
    });
  });

  it('never includes a value of the body in the error detail', () => {
    const bodies = [
      json({ user_id: '["victim"]' }),
      jsonWith('"user_id":"victim"'),
      json({ user_id: '"victim\\ud800"' }),
    ];
    for (const body of bodies)
      expect(JSON.stringify(parse(body, 'json'))).not.toMatch(/victim|7f3c2a10|5473ca54/);
  });
});
