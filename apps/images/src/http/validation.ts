import { DomainError, pythonRepr } from '@glimpse/domain';
import { validateSync } from 'class-validator';

/** Invalid input of a client. The message is for the client. */
export class InvalidInput extends DomainError {
  readonly code = 'invalid-input';
}

/** Converts class-validator's errors into Nova's messages: the first one, in Nova's order. */
function check(input: object, unknown: readonly string[] = []): void {
  const errors = validateSync(input, { forbidUnknownValues: false, stopAtFirstError: true });
  const missing = errors.find(({ value }) => value === undefined);
  if (missing) throw new InvalidInput(`'${missing.property}' is a required property`);
  if (unknown.length > 0) {
    const were = unknown.length === 1 ? 'was' : 'were';
    throw new InvalidInput(
      `Additional properties are not allowed (${unknown.map((key) => pythonRepr(key)).join(', ')} ${were} unexpected)`,
    );
  }
  const message = Object.values(errors[0]?.constraints ?? {})[0];
  if (message !== undefined) throw new InvalidInput(message);
}

/**
 * Reads the parameters of a query into a class whose properties are decorated with the allowed values. Of a repeated
 * parameter the last value counts; the class decides about other parameters.
 *
 * @throws {InvalidInput}
 */
export function readQuery<T extends object>(
  type: new (parameters: Record<string, string>) => T,
  query: unknown,
): T {
  const parameters = Object.fromEntries(
    Object.entries(query as Record<string, string | string[]>).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.at(-1)! : value,
    ]),
  );
  const input = new type(parameters);
  check(input);
  return input;
}

/**
 * Reads a JSON body into a class whose properties are decorated with the allowed values; other properties are refused.
 *
 * @throws {InvalidInput}
 */
export function readBody<T extends object>(type: new () => T, body: Buffer | undefined): T {
  const value = body?.length ? parseJson(body) : undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInput(`${pythonRepr(value)} is not of type 'object'`);
  }
  const input = new type();
  const known = Object.keys(input);
  // Declared properties only: a body may have keys of any name, also `constructor`.
  for (const key of known)
    Reflect.set(input, key, Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined);
  check(
    input,
    Object.keys(value).filter((key) => !known.includes(key)),
  );
  return input;
}

/**
 * Parses a body as JSON in UTF-8, without a byte order mark.
 *
 * @throws {InvalidInput}
 */
export function parseJson(body: Buffer = Buffer.alloc(0)): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    return JSON.parse(text, (key, value: unknown) => {
      if (key === '__proto__') throw new InvalidInput("The key '__proto__' is not allowed.");
      return value;
    });
  } catch (error) {
    if (error instanceof InvalidInput) throw error;
    throw new InvalidInput('Malformed request body');
  }
}

/**
 * Parses a body that must be a JSON object.
 *
 * @throws {InvalidInput}
 */
export function parseObject(body: Buffer | undefined): Readonly<Record<string, unknown>> {
  const value = parseJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInput('The request body must be a JSON object.');
  }
  return value as Readonly<Record<string, unknown>>;
}
