import { describe, expect, it } from '@jest/globals';
import { DataSettings } from '../settings/data.js';
import { ImageSettings } from '../settings/image.js';
import type { EffectiveSettings } from '../settings/settings.js';
import { ownDocuments } from './api-documents.js';

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
