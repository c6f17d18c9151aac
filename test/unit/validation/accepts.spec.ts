import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import type { ClassConstructor } from 'class-transformer';
import { validateSync } from 'class-validator';
import { anything, assert, constantFrom, dictionary, oneof, property, string } from 'fast-check';
import { ExternalUserDto } from '../../../src/accounts/account.dto.js';
import { UnviewedCountsRequestDto } from '../../../src/hub-summary/hub-summary.dto.js';
import { KigoHubSummary } from '../../../src/hub-summary/hub-summary.service.js';
import { KiipMomentRequestDto } from '../../../src/kiip/moment.dto.js';
import { KiipSessionRequestDto } from '../../../src/kiip/session.dto.js';
import { accepts, acceptsPlain } from '../../../src/validation/accepts.js';
import { momentCall, sessionCall } from '../../support/kiip-world.js';
import { scale } from '../../support/scale.js';

const user = { external_user_id: 'user123', external_program_id: 'program456' };
const moment = {
  ...momentCall,
  device: { ...momentCall.device, density: 3.5 },
  location: { lat: 39.04, lng: -77.48 },
  user: { age: 31, gender: 'f', userid: 'user-123' },
  close_button: true,
  email_address: 'someone@example.com',
};
const VALID: readonly [ClassConstructor<object>, object][] = [
  [ExternalUserDto, user],
  [UnviewedCountsRequestDto, { users: [user, user] }],
  [KigoHubSummary, { unviewed_products: 12, total_tokens: 34 }],
  [KiipMomentRequestDto, moment],
  [KiipSessionRequestDto, { ...moment, moment: undefined, ...sessionCall }],
];

/** class-validator's own decision, with the options of the pipe for bodies. */
const isValid = (object: object) =>
  validateSync(object, { whitelist: true, forbidNonWhitelisted: true }).length === 0;

/** As JSON has it. */
const withoutClasses = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Every object in a value, the value included. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value as Record<string, unknown>, ...Object.values(value).flatMap(objectsIn)];
}

const hostile = oneof(
  anything(),
  constantFrom<unknown>(
    null,
    undefined,
    '',
    0,
    -1,
    1e9,
    '1',
    [],
    {},
    [[]],
    [{}],
    'a'.repeat(257),
    '\u0000',
    '1.2.3.4',
  ),
);

const RUNS = scale(150, 400);

describe('accepts', () => {
  it.each(VALID)('accepts a valid %p', (type, plain) => {
    const object = plainToInstance(type, JSON.parse(JSON.stringify(plain)));
    expect([accepts(object), isValid(object)]).toEqual([true, true]);
  });

  it.each(VALID)('accepts nothing that class-validator rejects: %p', (type, plain) => {
    let rejected = 0;
    assert(
      property(
        hostile,
        string(),
        constantFrom(0, 1, 2, 3, 4, 5, 6, 7),
        dictionary(string(), anything()),
        (value, name, at, more) => {
          const changed = structuredClone(JSON.parse(JSON.stringify(plain)) as object);
          const objects = objectsIn(changed);
          const object = objects[at % objects.length]!;
          const names = Object.keys(object);
          const changedName =
            name.length % 4 === 0 || names.length === 0 ? name : names[name.length % names.length]!;
          // JSON has no arrays with holes.
          if (Array.isArray(object)) object[name.length % (object.length + 1)] = value;
          else if (name.length % 3 === 2) delete object[changedName];
          else if (name.length % 5 === 4) Object.assign(object, more);
          else object[changedName] = value;
          const instance = plainToInstance(type, changed);
          const valid = isValid(instance);
          if (!valid) rejected += 1;
          // What is used as it is, is what class-transformer would make of it.
          const used = acceptsPlain(changed, type) ? [changed] : [];
          expect(withoutClasses(used)).toEqual(
            withoutClasses(used.map(() => (valid ? instance : undefined))),
          );
          // After it, since class-validator removes nothing here: it forbids.
          expect(accepts(instance) && !valid).toBe(false);
        },
      ),
      { numRuns: RUNS },
    );
    expect(rejected).toBeGreaterThan(RUNS / 4);
  });

  it.each([
    [KiipMomentRequestDto, moment, true],
    [UnviewedCountsRequestDto, { users: [user] }, true],
    // It has instants, which are converted.
    [KiipSessionRequestDto, { ...moment, moment: undefined, ...sessionCall }, false],
  ])('accepts a plain object of a class without transformations: %p', (type, plain, accepted) => {
    expect(acceptsPlain(JSON.parse(JSON.stringify(plain)) as object, type)).toBe(accepted);
  });

  it('asks class-validator about a class that it knows no rules for, and about a property called constructor', () => {
    expect(accepts({ a: 1 })).toBe(false);
    expect(accepts(Object.assign(plainToInstance(ExternalUserDto, user), { constructor: Object }))).toBe(
      false,
    );
    expect(accepts(plainToInstance(ExternalUserDto, { ...user, other: 1 }))).toBe(false);
  });
});
