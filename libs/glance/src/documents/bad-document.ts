import { DomainError } from '@glimpse/domain';

/** How much of a value an error shows, in characters. */
const SHOWN = 60;

/** A document of an image or its members says something that the catalogue cannot hold. */
export class BadDocument extends DomainError {
  readonly code = 'bad-document';

  constructor(
    /** What says it, such as `min_disk`. */
    readonly attribute: string,
    value: unknown,
    /** What it may say, such as `a UUID`. */
    readonly allowed: string,
  ) {
    super(`${attribute} is ${value === undefined ? 'missing' : shown(value)}; it must be ${allowed}`);
  }
}

/** A value as errors show it: as JSON, on one line, and shortened. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** Names the members of an image in an error, whatever an input has for its id. */
export function membersOf(imageId: string): string {
  return `members of ${/^[\w-]{1,60}$/.test(imageId) ? imageId : shown(imageId)}`;
}
