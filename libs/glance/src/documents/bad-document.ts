import { DomainError, printable } from '@glimpse/domain';

/** How much of a value an error shows, in characters. */
const SHOWN = 60;
/** How many arrays and objects deep an error shows a value. */
const OUTLINE_DEPTH = 3;

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

/** A value as errors show it: as JSON, on one line, shortened, whatever its depth or length. */
export function shown(value: unknown): string {
  return printable(cut(outline(value, OUTLINE_DEPTH)));
}

function outline(value: unknown, depth: number): string {
  if (typeof value !== 'object' || value === null) {
    return JSON.stringify(typeof value === 'string' ? cut(value) : value) ?? String(value);
  }
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (depth === 0) return `${open}…${close}`;
  const parts = Object.entries(value)
    .slice(0, SHOWN)
    .map(([name, inner]) => (Array.isArray(value) ? '' : `${outline(name, 1)}:`) + outline(inner, depth - 1));
  return open + parts.join() + close;
}

function cut(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** Names the members of an image in an error, whatever an input has for its id. */
export function membersOf(imageId: string): string {
  return `members of ${/^[\w-]{1,60}$/.test(imageId) ? imageId : shown(imageId)}`;
}
