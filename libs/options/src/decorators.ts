import 'reflect-metadata';
import { IsOptional, ValidateBy, ValidateNested } from 'class-validator';

/** Environment variables hold numbers and booleans as text, and a YAML file may. */
function fromText(text: unknown, pattern: RegExp, read: (text: string) => unknown): unknown {
  return typeof text === 'string' && pattern.test(text) ? read(text) : text;
}

/** Metadata key of an option's conversion, kept on the class: a plugin may have its own copy of this library. */
const CONVERSION_KEY = 'glimpse:reading';

/** Converts the given value of an option; several conversions of one option run one after another. */
function convertedBy(read: (given: unknown) => unknown): PropertyDecorator {
  return (target, key) => {
    const before = Reflect.getOwnMetadata(CONVERSION_KEY, target, key) as typeof read | undefined;
    Reflect.defineMetadata(
      CONVERSION_KEY,
      before ? (given: unknown) => read(before(given)) : read,
      target,
      key,
    );
  };
}

/** An instance whose defaults are replaced by the given values, not validated yet. */
export function withDefaults(type: new () => object, raw: object): object {
  const options = new type() as Record<string, unknown>;
  for (const [key, given] of Object.entries(raw) as [string, unknown][]) {
    const read = Reflect.getMetadata(CONVERSION_KEY, type.prototype as object, key) as
      ((given: unknown) => unknown) | undefined;
    const value = read ? read(given) : given;
    if (value !== undefined) options[key] = value;
  }
  return options;
}

function validatedBy(
  allowed: string,
  validate: (value: unknown) => boolean,
  coerce?: (value: unknown) => unknown,
  context: { secret?: boolean } = {},
): PropertyDecorator {
  return (target, key) => {
    if (coerce) convertedBy(coerce)(target, key);
    const validator = { validate, defaultMessage: () => allowed };
    ValidateBy({ name: String(key), validator }, { context })(target, key);
  };
}

/** An option whose value no message shows; `allowed` and the predicate are as in {@link Matching}. */
export function Secret(
  allowed = 'a text',
  predicate: (value: string) => boolean = (value) => value !== '',
): PropertyDecorator {
  const validate = (value: unknown): boolean => typeof value === 'string' && predicate(value);
  return validatedBy(allowed, validate, undefined, { secret: true });
}

/** An option that is text, of at least one character. */
export function Text(): PropertyDecorator {
  return validatedBy('a text', (value) => typeof value === 'string' && value !== '');
}

/**
 * An option that is one of a few words or numbers.
 *
 * @param spelled turns another spelling of a word into the word
 */
export function OneOf(
  values: readonly (string | number)[],
  spelled: (text: string) => string = (text) => text,
): PropertyDecorator {
  return validatedBy(
    `one of ${values.join(', ')}`,
    (value) => values.includes(value as string),
    (value) => values.find((one) => typeof value === 'string' && String(one) === spelled(value)) ?? value,
  );
}

/**
 * An option that is a whole number within bounds, both included.
 *
 * @param words the words that are allowed besides, such as `off`
 */
export function WholeNumber(min: number, max: number, ...words: readonly string[]): PropertyDecorator {
  return validatedBy(
    [`a whole number from ${min} to ${max}`, ...words].join(' or '),
    (value) =>
      words.includes(value as string) ||
      (Number.isInteger(value) && (value as number) >= min && (value as number) <= max),
    (value) => fromText(value, /^-?\d{1,15}$/, Number),
  );
}

/** An option that is true or false. */
export function TrueOrFalse(): PropertyDecorator {
  return validatedBy(
    'true or false',
    (value) => typeof value === 'boolean',
    (value) => fromText(value, /^(?:true|false)$/, (text) => text === 'true'),
  );
}

/** An option that matches a predicate; messages show `allowed`, such as "an absolute path". */
export function Matching(allowed: string, predicate: (value: string) => boolean): PropertyDecorator {
  return validatedBy(allowed, (value) => typeof value === 'string' && predicate(value));
}

/** An option that is an http or https URL. Whatever else a URL may hold could end up in a header or a log. */
export function HttpUrl(): PropertyDecorator {
  return Matching(
    'an http or https URL without query, fragment or credentials',
    (value) => /^https?:\/\/[^\s"@?#]+$/.test(value) && URL.canParse(value),
  );
}

/** An option that may be left out; null, which an empty value in YAML is, leaves it out too. */
export function Optional(): PropertyDecorator {
  return (target, key) => {
    convertedBy((given) => given ?? undefined)(target, key);
    IsOptional()(target, key);
  };
}

/** Whether a property is a list, by its first value, else by its declared type where TypeScript emits that. */
function isList(target: object, key: string | symbol): boolean | undefined {
  const type = target.constructor as new () => Readonly<Record<string | symbol, unknown>>;
  const initial = new type()[key];
  if (typeof initial === 'object' && initial !== null) return Array.isArray(initial);
  const declared: unknown = Reflect.getMetadata('design:type', target, key);
  return declared === undefined || declared === Object ? undefined : declared === Array;
}

/**
 * Options of an option, or a list of them: a class of its own. It is a list where the property's first value
 * or declared type is an array.
 */
export function Nested(type: () => new () => object): PropertyDecorator {
  return (target, key) => {
    const validate = (value: unknown): boolean => {
      if (typeof value !== 'object' || value === null) return false;
      if (Array.isArray(value) && value.some(Array.isArray)) return false;
      return Array.isArray(value) === (isList(target, key) ?? Array.isArray(value));
    };
    const defaultMessage = (): string => (isList(target, key) ? 'a list of mappings' : 'a mapping');
    const read = (given: unknown): unknown =>
      typeof given === 'object' && given !== null && !Array.isArray(given)
        ? withDefaults(type(), given)
        : given;
    convertedBy((given) => (Array.isArray(given) ? given.map(read) : read(given)))(target, key);
    ValidateBy({ name: String(key), validator: { validate, defaultMessage } })(target, key);
    ValidateNested({ message: 'a mapping' })(target, key);
  };
}
