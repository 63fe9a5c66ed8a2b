import { describe, expect, it } from '@jest/globals';
import { DataSettings } from '../../settings/data.js';
import { ImageSettings } from '../../settings/image.js';
import type { EffectiveSettings } from '../../settings/settings.js';
import { ownDocuments } from '../api-documents.js';
import { checkImportBody, storeNamesOf } from './import-body.js';

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
    const body = (store: string): Buffer =>
      Buffer.from(JSON.stringify({ method: { name: 'glance-direct' }, stores: [store] }));
    expect(() => checkImportBody(body('s3'), ['s3'])).not.toThrow();
    expect(() => checkImportBody(body('file'), ['s3'])).toThrow('The only store of this service is s3.');
  });
});
