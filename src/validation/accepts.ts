import { getMetadataStorage } from 'class-validator';
import type { ValidationArguments } from 'class-validator';

type Properties = Readonly<Record<string, unknown>>;
type Rule = (object: Properties, value: unknown) => boolean;

interface PropertyRules {
  readonly name: string;
  /** The others apply only if all of these hold. */
  readonly conditions: readonly Rule[];
  readonly rules: readonly Rule[];
}

/** The classes of nested objects, by the class and the property that has them. */
const NESTED_TYPES = new Map<Function, Map<string, () => Function>>();

export function noteNestedType(target: Function, property: string, type: () => Function): void {
  const types = NESTED_TYPES.get(target) ?? new Map<string, () => Function>();
  NESTED_TYPES.set(target, types.set(property, type));
}

const PLAIN_CLASSES = new WeakSet<Function>();

/**
 * Marks a class without transformations and default values, and with such nested classes only: a valid plain object is what an instance
 * would be made of.
 */
export function Plain(): ClassDecorator {
  return (target) => void PLAIN_CLASSES.add(target);
}

/** Whether a plain object can be used as an instance of a class, without class-transformer and class-validator. */
export function acceptsPlain(object: object, type: Function | undefined): boolean {
  return type !== undefined && PLAIN_CLASSES.has(type) && accepts(object, type);
}

/** By class. */
const COMPILED = new WeakMap<object, ReadonlyMap<string, PropertyRules>>();

/**
 * Whether class-validator would find nothing wrong with an object. It reads the decorators of a class once, and takes a tenth of the
 * time of class-validator, which finds them anew for each object. `false` means only that class-validator has to be asked: it also
 * knows the words for what is wrong.
 * @param type the class that an object without one is to be of
 */
export function accepts(object: object, type: Function = classOf(object)): boolean {
  const rules = rulesOf(type);
  for (const name of Object.keys(object)) if (!rules.has(name)) return false;
  for (const property of rules.values()) if (!meets(object as Properties, property)) return false;
  return true;
}

/** The properties of a class that have a validator. */
export function validatedProperties(type: Function): Pick<ReadonlySet<string>, 'has'> {
  return rulesOf(type);
}

/** A property of the object itself may be called `constructor`. */
function classOf(object: object): Function {
  return (Object.getPrototypeOf(object) as { constructor: Function }).constructor;
}

function meets(object: Properties, { name, conditions, rules }: PropertyRules): boolean {
  const value = object[name];
  for (const condition of conditions) if (!condition(object, value)) return true;
  for (const rule of rules) if (!rule(object, value)) return false;
  return true;
}

function rulesOf(target: Function): ReadonlyMap<string, PropertyRules> {
  let rules = COMPILED.get(target);
  if (!rules) {
    rules = compile(target);
    COMPILED.set(target, rules);
  }
  return rules;
}

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

function compile(target: Function): Map<string, PropertyRules> {
  const all = getMetadataStorage().getTargetValidationMetadatas(target, '', false, false);
  return new Map(
    Object.entries(Object.groupBy(all, ({ propertyName }) => propertyName)).map(([name, metadata = []]) => [
      name,
      {
        name,
        conditions: metadata
          .filter(({ type }) => type === 'conditionalValidation')
          .map(({ constraints: [condition] }) => condition as Rule),
        rules: metadata.filter(({ type }) => type !== 'conditionalValidation').flatMap(toRules),
      },
    ]),
  );
}

function toRules(metadata: Metadata): Rule[] {
  if (metadata.type === 'whitelistValidation') return [];
  if (metadata.type === 'nestedValidation') return [nestedRule(metadata)];
  if (metadata.type !== 'customValidation') return [never];
  return getMetadataStorage()
    .getTargetValidatorConstraints(metadata.constraintCls)
    .map(({ instance, async }): Rule => {
      if (async) return never;
      const validate = (object: Properties, value: unknown) =>
        instance.validate(value, argumentsOf(metadata, object, value)) === true;
      if (!metadata.each) return validate;
      return (object, value) => Array.isArray(value) && value.every((item) => validate(object, item));
    });
}

const never: Rule = () => false;

/** For objects of a class, and for plain ones whose class is noted. Of other ones, class-validator knows no rules. */
function nestedRule({ target, propertyName }: Metadata): Rule {
  const type = NESTED_TYPES.get(target as Function)?.get(propertyName);
  const accept = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return false;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === null) return false;
    if (prototype !== Object.prototype) return accepts(value);
    return type !== undefined && accepts(value, type());
  };
  return (_, value) =>
    value === undefined || value === null || (Array.isArray(value) ? value.every(accept) : accept(value));
}

function argumentsOf(
  { propertyName: property, constraints }: Metadata,
  object: Properties,
  value: unknown,
): ValidationArguments {
  return { targetName: '', property, object, value, constraints };
}
