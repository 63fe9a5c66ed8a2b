import type { Image } from '@glimpse/domain';
import { describe, expect, it } from '@jest/globals';
import type { ImageExtension } from './contract.js';
import { isolateImageExtension } from './image-extension.js';

const IMAGE = { id: '1', owner: 'p1' } as Image;
const RESERVED = new Set(['id', 'links']);

/** What an isolated extension adds to the image, and what was said of it. */
function isolated(attributes: (image: Image) => unknown): { added: object; faults: string[] } {
  const faults: string[] = [];
  const extension = {
    alias: 'X',
    name: 'x',
    namespace: 'https://example.com',
    updated: '2026-01-01T00:00:00Z',
    description: 'Adds X.',
    attributes,
  } as ImageExtension;
  const isolated = isolateImageExtension(extension, RESERVED, (reason) => faults.push(reason));
  return { added: isolated.attributes(IMAGE), faults };
}

describe('an isolated image extension', () => {
  it('adds what the extension adds, and leaves out what is undefined', () => {
    const { added, faults } = isolated(({ owner }) => ({ 'X:owner': owner, 'X:none': undefined }));
    expect(added).toEqual({ 'X:owner': 'p1' });
    expect(Object.keys(added)).toEqual(['X:owner']);
    expect(faults).toEqual([]);
  });

  it('keeps what it added, whatever the extension does with it later', () => {
    const list = ['a'];
    const { added } = isolated(() => ({ 'X:list': list }));
    list.push('b');
    expect(added).toEqual({ 'X:list': ['a'] });
  });

  const circle: unknown[] = [];
  circle.push(circle);
  it.each<[string, () => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('no owner\n    at here');
      },
      /^Error: no owner at here$/,
    ],
    [
      'throws nothing',
      () => {
        throw undefined;
      },
      /^undefined$/,
    ],
    [
      'throws what has no text',
      () => {
        throw Object.create(null);
      },
      /no text/,
    ],
    ['answers a promise', () => Promise.resolve({}), /promise/],
    ['answers a promise that fails', () => Promise.reject(new Error('late')), /promise/],
    ['answers nothing', () => undefined, /answered undefined, wanted is a mapping/],
    ['answers null', () => null, /answered null, wanted is a mapping/],
    ['answers a text', () => 'X:owner', /answered string, wanted is a mapping/],
    ['answers a list', () => ['X:owner'], /wanted is a mapping/],
    ['answers a bigint', () => ({ 'X:size': 1n }), /X:size = 1 is not allowed: it must be a JSON value/],
    ['answers no number', () => ({ 'X:size': NaN }), /X:size = NaN is not allowed/],
    ['answers a function', () => ({ 'X:size': () => 1 }), /is not allowed/],
    ['answers what has no end', () => ({ 'X:list': circle }), /circular/],
    [
      'answers a getter that throws',
      () => ({
        get 'X:owner'() {
          throw new Error('no owner');
        },
      }),
      /no owner/,
    ],
    [
      'takes the name of an attribute of the document',
      () => ({ 'X:a': 1, id: '2' }),
      /^TypeError: id is an attribute/,
    ],
  ])('adds nothing and reports one line when the extension %s', async (_, attributes, reason) => {
    const { added, faults } = isolated(attributes);
    expect(added).toEqual({});
    expect(faults).toEqual([expect.stringMatching(reason)]);
    expect(faults[0]!.split(/[\n\r]/)).toHaveLength(1);
    // An unhandled rejection would end the process in the meantime.
    await new Promise((resolve) => setImmediate(resolve));
  });
});
