import type { Image } from '@glimpse/domain';
import type { ImageExtension, Json } from './contract.js';
import { reasonOf, type OnFault } from './fault.js';

/** Lets a promise that nobody waits for fail unheard; elsewhere that ends the process. */
function forget(value: unknown): boolean {
  if (typeof (value as PromiseLike<unknown> | undefined | null)?.then !== 'function') return false;
  Promise.resolve(value).catch(() => undefined);
  return true;
}

/** A value of JSON, in a copy where later changes to it would show. */
function json(name: string, value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'object') return JSON.parse(JSON.stringify(value)) as Json;
  throw new TypeError(`${name} = ${String(value)} is not allowed: it must be what JSON can say`);
}

/**
 * What an extension adds to an image, as its contract says: a mapping of what JSON can say. As in JSON, an
 * attribute that is undefined is left out.
 *
 * @param reserved the names that are not its to give
 * @throws {TypeError} it is something else; and whatever the extension throws
 */
export function attributesOf(
  extension: ImageExtension,
  image: Image,
  reserved: ReadonlySet<string> = new Set(),
): Readonly<Record<string, Json>> {
  const attributes: unknown = extension.attributes(image);
  if (forget(attributes)) throw new TypeError('attributes answered a promise, wanted is a mapping');
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    throw new TypeError(
      `attributes answered ${attributes === null ? 'null' : typeof attributes}, wanted is a mapping`,
    );
  }
  const entries = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]: [string, unknown]) => {
      if (reserved.has(name)) throw new TypeError(`${name} is an attribute of the document itself`);
      return [name, json(name, value)];
    }),
  );
}

/**
 * An extension that harms nobody but itself: where it throws or answers something else than its contract says,
 * the document goes without its attributes. An extension that never returns cannot be stopped.
 *
 * @param reserved the names that are not its to give
 *
 * @example
 * const isolated = isolateImageExtension(extension, new Set(['id', 'links']), (reason) => console.error(reason));
 */
export function isolateImageExtension(
  extension: ImageExtension,
  reserved: ReadonlySet<string>,
  onFault: OnFault,
): ImageExtension {
  return {
    alias: extension.alias,
    name: extension.name,
    namespace: extension.namespace,
    updated: extension.updated,
    description: extension.description,
    position: extension.position ?? 'last',
    attributes(image) {
      try {
        return attributesOf(extension, image, reserved);
      } catch (error) {
        onFault(reasonOf(error));
        return {};
      }
    },
  };
}
