import { describe, expect, it } from '@jest/globals';
import { DataSettings, StoreSettings } from '../../settings/data.js';
import { ImageSettings } from '../../settings/image.js';
import type { EffectiveSettings } from '../../settings/settings.js';
import { ownDocuments } from '../api-documents.js';
import { importMethodsOf, readImportBody, storeNamesOf, type ImportContext } from './import-body.js';

const methodsWith = async (use: DataSettings['use']): Promise<unknown> => {
  const image = new ImageSettings() as EffectiveSettings['image'];
  const data = Object.assign(new DataSettings(), { use });
  const document = await ownDocuments({ image, data }).read('info/import');
  return (document as { 'import-methods': { value: unknown } })['import-methods'].value;
};

describe('the methods of an import', () => {
  it('are those of staged data, and none where there is no store', async () => {
    expect(await methodsWith('file')).toEqual(['glance-direct']);
    expect(await methodsWith(undefined)).toEqual([]);
  });
});

describe('the name of the store', () => {
  it('is its kind, and says nothing of the module of a plugin', () => {
    const namesWith = (use: string | undefined): readonly string[] =>
      storeNamesOf(Object.assign(new DataSettings(), { use }));
    expect(['file', 's3', './store.mjs', undefined].map(namesWith)).toEqual([
      ...[['file'], ['s3'], ['plugin'], []],
    ]);
    const importTo = (store: string): unknown =>
      readImportBody(bodyOf({ stores: [store] }), {
        ...{ methods: ['glance-direct'], known: ['s3'], haveNames: false, header: undefined },
      });
    expect(importTo('s3')).toMatchObject({ method: 'glance-direct', stores: undefined });
    expect(() => importTo('file')).toThrow('The only store of this service is s3.');
  });
});

const bodyOf = (rest: object, name = 'glance-direct'): Buffer =>
  Buffer.from(JSON.stringify({ method: { name }, ...rest }));

describe('an import with several stores', () => {
  const data = Object.assign(new DataSettings(), {
    default_store: 'a',
    stores: ['a', 'b'].map((id) => Object.assign(new StoreSettings(), { id, use: 'file' })),
  });
  const context: ImportContext = {
    ...{ methods: importMethodsOf(data), known: storeNamesOf(data), haveNames: true, header: undefined },
  };

  it.each([
    [{}, undefined, { stores: undefined, allMustSucceed: true }],
    [{ stores: ['b'] }, undefined, { stores: ['b'] }],
    [{}, 'b', { stores: ['b'] }],
    [
      { all_stores: true, all_stores_must_succeed: false },
      undefined,
      { stores: 'all', allMustSucceed: false },
    ],
    [{ all_stores: false, stores: ['a', 'b'] }, undefined, { stores: ['a', 'b'] }],
  ])('of %j with the header %s is accepted', (rest, header, expected) => {
    expect(readImportBody(bodyOf(rest), { ...context, header })).toMatchObject(expected);
  });

  it.each([
    [{ stores: ['c'] }, undefined, 'some of these: a, b'],
    [{ stores: [] }, undefined, 'some of these: a, b'],
    [{ stores: 'a' }, undefined, 'some of these: a, b'],
    [{ stores: ['a'], all_stores: true }, undefined, "can't be used"],
    [{ all_stores: true }, 'a', "can't be used"],
    [{ stores: ['a'] }, 'a', "can't be both"],
    [{ all_stores: 'yes' }, undefined, 'boolean'],
    [{ all_stores: null }, undefined, 'boolean'],
    [{ all_stores_must_succeed: 1 }, undefined, 'boolean'],
  ])('of %j with the header %s is refused', (rest, header, message) => {
    expect(() => readImportBody(bodyOf(rest), { ...context, header })).toThrow(message);
  });

  it('copies data of active images, too', () => {
    expect(readImportBody(bodyOf({}, 'copy-image'), context).method).toBe('copy-image');
    const one = { ...context, methods: importMethodsOf(Object.assign(new DataSettings(), { use: 'file' })) };
    expect(() => readImportBody(bodyOf({}, 'copy-image'), one)).toThrow('Allowed are: glance-direct');
  });
});
