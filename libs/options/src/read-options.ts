import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import { withDefaults } from './decorators.js';
import { InvalidOptions } from './invalid-options.js';

/** The paths of keys that every object has, such as `constructor`: assigning one may change more than the options. */
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

/** A URL may contain a password where none is allowed, and the password any character. */
function withoutSecrets(text: string): string {
  return text
    .replace(/^(\s*[a-z][a-z0-9+.-]*:[/\\]*|[/\\]*)[^]*@/i, '$1***@')
    .replace(/([?&;#][^=&;#]*(?:password|secret|token|key)[^=&;#]*=)[^&;#]*/gi, '$1***');
}

function maskedValue(value: unknown): string {
  const masked = (_: string, inner: unknown): unknown =>
    typeof inner === 'string' ? withoutSecrets(inner) : inner;
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value, masked) ?? String(value));
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** Messages for class-validator's errors. */
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
        : `${name(path)} = ${secret ? '***' : maskedValue(error.value)} is not allowed: it must be ${allowed}`,
    ];
  });
}

/**
 * Reads options into a class whose properties have this library's decorators; an option that is not given keeps
 * its default. Numbers and booleans may be given as text.
 *
 * @param name turns an option's path, such as `links.project`, into the name that messages show; the empty path is
 *   all options
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
    throw new InvalidOptions([`${name('')} = ${maskedValue(raw)} is not allowed: it must be a mapping`]);
  }
  const inherited = inheritedKeys(raw);
  if (inherited.length > 0) {
    throw new InvalidOptions(
      inherited.map((path) => `${name(path)} is not a known key: nothing has that name`),
    );
  }
  const options = withDefaults(type, raw) as T;
  const errors = validateSync(options, {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: false,
    stopAtFirstError: true,
  });
  if (errors.length > 0) throw new InvalidOptions(problems(errors, name));
  return options;
}
