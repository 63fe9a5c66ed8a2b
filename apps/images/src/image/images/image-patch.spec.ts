import { imageOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { IMAGE_SCHEMA } from '../schemas/schemas.js';
import { patched, readPatch, type PatchOperation } from './image-patch.js';

const V21 = 'application/openstack-images-v2.1-json-patch';
const V20 = 'application/openstack-images-v2.0-json-patch';

const read = (operations: unknown, type = V21): PatchOperation[] =>
  readPatch(type, Buffer.from(JSON.stringify(operations)), IMAGE_SCHEMA);

/** A token of a JSON pointer (RFC 6901). */
const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** Names that meet each other, of properties and of an attribute. */
const names = fc.constantFrom('', 'a', 'b', 'a/b', 'a~b', '~1', 'constructor', '✓ 💾', 'name');

interface Generated {
  readonly op: 'add' | 'replace' | 'remove';
  readonly name: string;
  readonly value: string;
}

const operation = fc.record<Generated>({
  op: fc.constantFrom('add', 'replace', 'remove'),
  name: names,
  value: fc.string({ maxLength: 5 }).filter((text) => !text.includes('\0')),
});

const asV21 = ({ op, name, value }: Generated): object => ({ op, path: `/${escaped(name)}`, value });
const asV20 = ({ op, name, value }: Generated): object => ({ [op]: `/${escaped(name)}`, value });

/** What a patch does to a plain object, or the code of the error that it is refused with. */
function model(
  before: Record<string, string>,
  operations: readonly Generated[],
  version: '2.0' | '2.1',
): unknown {
  // All operations are read before the first is made.
  if (operations.some(({ op, name }) => op === 'remove' && name === 'name')) return 'attribute-refused';
  const after: Record<string, string> = { ...before };
  for (const { op, name, value } of operations) {
    const exists = Object.hasOwn(after, name);
    if (op === 'add' && exists && version === '2.0') return 'patch-conflict';
    if (op !== 'add' && !exists) return 'patch-conflict';
    if (op === 'remove') delete after[name];
    else after[name] = value;
  }
  return after;
}

function made(before: Record<string, string>, operations: readonly object[], type: string): unknown {
  const { name = null, ...properties } = before;
  const image = imageOf({ name, properties });
  try {
    const changed = patched(image, read(operations, type));
    return { name: image.name, ...changed, properties: undefined, ...changed.properties };
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a patch', () => {
  it.each([
    ['2.1', V21, asV21],
    ['2.0', V20, asV20],
  ] as const)('of version %s does what its operations do one after the other', (version, type, form) => {
    const results = new Set<string>();
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.string({ maxLength: 3 }), { maxKeys: 6 }),
        fc.array(operation, { maxLength: 6 }),
        (properties, operations) => {
          const before: Record<string, string> = { ...properties, name: 'n' };
          const expected = model(before, operations, version);
          results.add(typeof expected === 'string' ? expected : 'made');
          const actual = made(before, operations.map(form), type);
          expect(typeof actual === 'string' ? actual : { ...(actual as object) }).toEqual(
            typeof expected === 'string' ? expected : { ...(expected as object) },
          );
        },
      ),
      { numRuns: 2_000 },
    );
    expect([...results].sort()).toEqual(['attribute-refused', 'made', 'patch-conflict']);
  });

  it('of version 2.1 does what a library of JSON Patch does, where Glance keeps to RFC 6902', () => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.string({ maxLength: 3 }), { maxKeys: 6 }),
        fc.array(operation, { maxLength: 6 }),
        (properties, operations) => {
          // Glance lets no attribute be removed; the library finds what objects inherit.
          fc.pre(!operations.some(({ op, name }) => op === 'remove' && name === 'name'));
          fc.pre(!operations.some(({ name }) => name === 'constructor'));
          const before: Record<string, string> = { ...properties, name: 'n' };
          const patch = operations.map(asV21);
          const expected = { ...before };
          const isRefused = applyPatch(expected, patch as Parameters<typeof applyPatch>[1]).some(Boolean);
          outcomes.add(isRefused ? 'refused' : 'made');
          const actual = made(before, patch, V21);
          expect(typeof actual === 'string' ? actual : { ...(actual as object) }).toEqual(
            isRefused ? 'patch-conflict' : expected,
          );
        },
      ),
      { numRuns: 2_000 },
    );
    expect([...outcomes].sort()).toEqual(['made', 'refused']);
  });

  it.each([
    ['a path without a slash', { op: 'add', path: 'x', value: 'y' }, 'invalid-input'],
    ['a path of two tokens', { op: 'add', path: '/x/y', value: 'y' }, 'invalid-input'],
    ['a path that ends with a slash', { op: 'add', path: '/x/', value: 'y' }, 'invalid-input'],
    ['an escape that does not exist', { op: 'add', path: '/x~2', value: 'y' }, 'invalid-input'],
    ['a path that is no text', { op: 'add', path: null, value: 'y' }, 'invalid-input'],
    ['an operation that does not exist', { op: 'move', path: '/x', from: '/y' }, 'invalid-input'],
    ['no value', { op: 'add', path: '/x' }, 'invalid-input'],
    ['a part of the locations', { op: 'add', path: '/locations/-', value: {} }, 'attribute-refused'],
    [
      'a part of another attribute that is read-only',
      { op: 'add', path: '/created_at/0', value: '' },
      'invalid-input',
    ],
    ['the id', { op: 'replace', path: '/id', value: imageOf().id }, 'attribute-refused'],
    ['a hash', { op: 'add', path: '/os_hash_value', value: '0' }, 'attribute-refused'],
  ])('is refused with %s', (_, operation_, code) => {
    expect(made({}, [operation_], V21)).toBe(code);
  });

  it('sets formats of a queued image only', () => {
    const operations = read([{ op: 'replace', path: '/disk_format', value: 'raw' }]);
    expect(patched(imageOf({ status: 'queued' }), operations)).toMatchObject({ diskFormat: 'raw' });
    expect(() => patched(imageOf({ status: 'active' }), operations)).toThrow('queued');
  });
});
