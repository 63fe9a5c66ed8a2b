import { DomainError, printable } from '@glimpse/domain';

/** Characters of a value in an error. */
const MAX_SHOWN_LENGTH = 60;
/** How many levels of arrays and objects an error shows. */
const OUTLINE_DEPTH = 3;

/** A document of an image or its members has a value that the catalogue cannot hold. */
export class BadDocument extends DomainError {
  readonly code = 'bad-document';

  constructor(
    /** Such as `min_disk`. */
    readonly attribute: string,
    value: unknown,
    /** What is allowed, such as `a UUID`. */
    readonly allowed: string,
  ) {
    super(
      `${attribute} is ${value === undefined ? 'missing' : printableValue(value)}; it must be ${allowed}`,
    );
  }
}

/** A value in an error: JSON on one line, shortened. */
export function printableValue(value: unknown): string {
  return printable(cut(outline(value, OUTLINE_DEPTH)));
}

function outline(value: unknown, depth: number): string {
  if (typeof value !== 'object' || value === null) {
    return JSON.stringify(typeof value === 'string' ? cut(value) : value) ?? String(value);
  }
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (depth === 0) return `${open}…${close}`;
  const parts = Object.entries(value)
    .slice(0, MAX_SHOWN_LENGTH)
    .map(([name, inner]) => (Array.isArray(value) ? '' : `${outline(name, 1)}:`) + outline(inner, depth - 1));
  return open + parts.join() + close;
}

function cut(text: string): string {
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}

/** The members of an image in an error, for any value of its id. */
export function membersOf(imageId: string): string {
  return `members of ${/^[\w-]{1,60}$/.test(imageId) ? imageId : printableValue(imageId)}`;
}
