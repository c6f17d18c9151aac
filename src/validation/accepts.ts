import { getMetadataStorage } from 'class-validator';
import type { ValidationArguments } from 'class-validator';

type Properties = Readonly<Record<string, unknown>>;
type Rule = (object: Properties, value: unknown) => boolean;

interface PropertyRules {
  /** The others apply only if all of these hold. */
  readonly conditions: readonly Rule[];
  readonly rules: readonly Rule[];
}

/** By class. */
const compiled = new WeakMap<object, ReadonlyMap<string, PropertyRules>>();

/**
 * Whether class-validator would find nothing wrong with an object. It reads the decorators of a class once, and takes a tenth of the
 * time of class-validator, which finds them anew for each object. `false` means only that class-validator has to be asked: it also
 * knows the words for what is wrong.
 * @param type the class that an object without one is to be of
 */
export function accepts(object: object, type: Function = classOf(object)): boolean {
  const rules = rulesOf(type);
  for (const name of Object.keys(object)) if (!rules.has(name)) return false;
  for (const [name, property] of rules) if (!meets(object as Properties, name, property)) return false;
  return true;
}

/** A property of the object itself may be called `constructor`. */
function classOf(object: object): Function {
  return (Object.getPrototypeOf(object) as { constructor: Function }).constructor;
}

function meets(object: Properties, name: string, { conditions, rules }: PropertyRules): boolean {
  const value = object[name];
  if (!conditions.every((condition) => condition(object, value))) return true;
  return rules.every((rule) => rule(object, value));
}

function rulesOf(target: Function): ReadonlyMap<string, PropertyRules> {
  let rules = compiled.get(target);
  if (!rules) {
    rules = compile(target);
    compiled.set(target, rules);
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
  if (metadata.type === 'nestedValidation') return [isNested];
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

const isNested: Rule = (_, value) => {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.every((item) => isObject(item) && accepts(item));
  return isObject(value) && accepts(value);
};

/** An object of a class. Of others, class-validator knows no rules. */
function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) !== Object.prototype;
}

function argumentsOf(
  { propertyName: property, constraints }: Metadata,
  object: Properties,
  value: unknown,
): ValidationArguments {
  return { targetName: '', property, object, value, constraints };
}
