import 'reflect-metadata';
import {
  IsOptional,
  ValidateBy,
  ValidateNested,
  getMetadataStorage,
  validateSync,
  type ValidationError,
} from 'class-validator';
import { oneLine } from './one-line.js';

/**
 * A setting or plugin option that was refused. The message names the thing, the value and what is allowed.
 */
export class InvalidOptions extends Error {
  readonly code = 'invalid-options';

  /** One line a problem. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const lines = problems.map(oneLine);
    super(lines.join('\n'));
    this.problems = lines;
    this.name = 'InvalidOptions';
  }
}

/** The text that environment variables, and the YAML file, hold for a value that is a number or a switch. */
function fromText(text: unknown, pattern: RegExp, read: (text: string) => unknown): unknown {
  return typeof text === 'string' && pattern.test(text) ? read(text) : text;
}

/** Where an option's reading is kept: with the class, so that a plugin's own copy of this library will do. */
const READING = 'glimpse:reading';

/** How what was given for an option becomes its value; several on one option follow one another. */
function reading(read: (given: unknown) => unknown): PropertyDecorator {
  return (target, key) => {
    const before = Reflect.getOwnMetadata(READING, target, key) as typeof read | undefined;
    Reflect.defineMetadata(READING, before ? (given: unknown) => read(before(given)) : read, target, key);
  };
}

/** Options with what was given in the place of their defaults, not judged yet. */
function filled(type: new () => object, raw: object): object {
  const options = new type() as Record<string, unknown>;
  for (const [key, given] of Object.entries(raw) as [string, unknown][]) {
    const read = Reflect.getMetadata(READING, type.prototype as object, key) as
      ((given: unknown) => unknown) | undefined;
    const value = read ? read(given) : given;
    if (value !== undefined) options[key] = value;
  }
  return options;
}

function rule(
  allowed: string,
  validate: (value: unknown) => boolean,
  coerce?: (value: unknown) => unknown,
  context: { secret?: boolean } = {},
): PropertyDecorator {
  return (target, key) => {
    if (coerce) reading(coerce)(target, key);
    const validator = { validate, defaultMessage: () => allowed };
    ValidateBy({ name: String(key), validator }, { context })(target, key);
  };
}

/** An option that no message shows; `allowed` and the predicate are as in {@link Matching}. */
export function Secret(
  allowed = 'a text',
  predicate: (value: string) => boolean = (value) => value !== '',
): PropertyDecorator {
  const validate = (value: unknown): boolean => typeof value === 'string' && predicate(value);
  return rule(allowed, validate, undefined, { secret: true });
}

/** An option that is text, of at least one character. */
export function Text(): PropertyDecorator {
  return rule('a text', (value) => typeof value === 'string' && value !== '');
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
  return rule(
    `one of ${values.join(', ')}`,
    (value) => values.includes(value as string),
    (value) => values.find((one) => typeof value === 'string' && String(one) === spelled(value)) ?? value,
  );
}

/** An option that is a whole number within bounds, both included. */
export function WholeNumber(min: number, max: number): PropertyDecorator {
  return rule(
    `a whole number from ${min} to ${max}`,
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    (value) => fromText(value, /^-?\d{1,15}$/, Number),
  );
}

/** An option that is true or false. */
export function TrueOrFalse(): PropertyDecorator {
  return rule(
    'true or false',
    (value) => typeof value === 'boolean',
    (value) => fromText(value, /^(?:true|false)$/, (text) => text === 'true'),
  );
}

/** An option that a predicate judges; `allowed` says what passes, such as "an http or https URL". */
export function Matching(allowed: string, predicate: (value: string) => boolean): PropertyDecorator {
  return rule(allowed, (value) => typeof value === 'string' && predicate(value));
}

/** An option that may be left out; null, which an empty value in YAML is, leaves it out too. */
export function Optional(): PropertyDecorator {
  return (target, key) => {
    reading((given) => given ?? undefined)(target, key);
    IsOptional()(target, key);
  };
}

/** Whether a property is a list: its first value tells, else its declared type, where TypeScript emits that. */
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
      typeof given === 'object' && given !== null && !Array.isArray(given) ? filled(type(), given) : given;
    reading((given) => (Array.isArray(given) ? given.map(read) : read(given)))(target, key);
    ValidateBy({ name: String(key), validator: { validate, defaultMessage } })(target, key);
    ValidateNested({ message: 'a mapping' })(target, key);
  };
}

/**
 * The paths of keys that every object has, such as `constructor`. No option is called so, and to set one may
 * change more than the options.
 */
function inheritedKeys(raw: object, prefix = ''): string[] {
  return Object.entries(raw).flatMap(([key, value]: [string, unknown]) => {
    if (key in Object.prototype) return [prefix + key];
    return typeof value === 'object' && value !== null ? inheritedKeys(value, `${prefix}${key}.`) : [];
  });
}

function knownKeys(target: object): string {
  const keys = getMetadataStorage()
    .getTargetValidationMetadatas(target.constructor, '', false, false)
    .map((metadata) => metadata.propertyName);
  return [...new Set(keys)].join(', ') || 'none';
}

/** A URL may have a password in it where none is allowed, and a password may have any character in it. */
function withoutSecrets(text: string): string {
  return text
    .replace(/^(\s*[a-z][a-z0-9+.-]*:[/\\]*|[/\\]*)[^]*@/i, '$1***@')
    .replace(/([?&;#][^=&;#]*(?:password|secret|token|key)[^=&;#]*=)[^&;#]*/gi, '$1***');
}

function shown(value: unknown): string {
  const masked = (_: string, inner: unknown): unknown =>
    typeof inner === 'string' ? withoutSecrets(inner) : inner;
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value, masked) ?? String(value));
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** The one place that turns class-validator's errors into messages. */
function problems(errors: ValidationError[], name: (path: string) => string, prefix = ''): string[] {
  return errors.flatMap((error) => {
    const path = prefix + error.property;
    if (error.children?.length) return problems(error.children, name, `${path}.`);
    if (error.constraints?.['whitelistValidation']) {
      return [`${name(path)} is not a known key: known are ${knownKeys(error.target as object)}`];
    }
    const allowed = Object.values(error.constraints ?? {})[0] ?? 'something else';
    const secret = Object.values(error.contexts ?? {}).some(
      (context: { secret?: boolean }) => context.secret,
    );
    return [
      error.value === undefined
        ? `${name(path)} is missing: it must be ${allowed}`
        : `${name(path)} = ${secret ? '***' : shown(error.value)} is not allowed: it must be ${allowed}`,
    ];
  });
}

/**
 * Reads options into a class whose properties carry the decorators of this file; what is not given keeps
 * the value the class gives it. Numbers and switches may come as text.
 *
 * @param name turns an option's path, such as `links.project`, into what the reader knows it by; the path of all of them is empty
 * @throws {InvalidOptions} naming every unknown key and every wrong value
 *
 * @example
 * class Options {
 *   @WholeNumber(1, 100)
 *   size = 10;
 * }
 * readOptions(Options, { size: '20' }).size; // 20
 */
export function readOptions<T extends object>(
  type: new () => T,
  raw: unknown,
  name: (path: string) => string = (path) => path || 'the options',
): T {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new InvalidOptions([`${name('')} = ${shown(raw)} is not allowed: it must be a mapping`]);
  }
  const inherited = inheritedKeys(raw);
  if (inherited.length > 0) {
    throw new InvalidOptions(
      inherited.map((path) => `${name(path)} is not a known key: nothing has that name`),
    );
  }
  const options = filled(type, raw) as T;
  const errors = validateSync(options, {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: false,
    stopAtFirstError: true,
  });
  if (errors.length > 0) throw new InvalidOptions(problems(errors, name));
  return options;
}
