import type { Image, PropertyChange } from '@glimpse/domain';

/** An operation of Glance's form of JSON Patch, in which `add` also replaces. */
export type PatchOperation =
  | { readonly op: 'add'; readonly path: string; readonly value: string }
  | { readonly op: 'remove'; readonly path: string };

/**
 * A change of properties as the body of Glance's PATCH. Properties that have the right value are omitted, as by Nova:
 * Glance refuses a protected property even where it is set to the value that it has.
 *
 * @param before what the image has: a replacement removes what it does not name
 * @see {@link https://docs.openstack.org/api-ref/image/v2/#update-image}
 */
export function propertyPatch(
  change: PropertyChange,
  before: Image['properties'],
): readonly PatchOperation[] {
  if (change.kind === 'remove') return [{ op: 'remove', path: pointerTo(change.key) }];
  const { properties } = change;
  const removed =
    change.kind === 'merge'
      ? []
      : Object.keys(before).filter((key) => !Object.hasOwn(properties, key) && !change.keep?.includes(key));
  return [
    ...removed.map((key) => ({ op: 'remove' as const, path: pointerTo(key) })),
    ...Object.entries(properties)
      .filter(([key, value]) => before[key] !== value)
      .map(([key, value]) => ({ op: 'add' as const, path: pointerTo(key), value })),
  ];
}

/** RFC 6901. */
function pointerTo(key: string): string {
  return `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
