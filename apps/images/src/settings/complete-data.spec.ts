import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { configuredStores } from './data.js';
import { loadSettings } from './load.js';
import type { EffectiveSettings } from './settings.js';

const folder = mkdtempSync(join(tmpdir(), 'glimpse-settings-'));
const file = join(folder, 'glimpse.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

function loadedWith(data: string, environment: Record<string, string> = {}): EffectiveSettings {
  writeFileSync(file, `data: ${data}\n`);
  return loadSettings({ GLIMPSE_CONFIG: file, ...environment });
}

const A = '{ id: a, use: file, options: { path: /a } }';
const B = '{ id: b, use: s3, options: { bucket: b } }';

describe('several stores', () => {
  it('have a name, a default and the options of their kind', () => {
    const module = '{ id: c, use: ./store.mjs, description: Tape, options: { drive: 1 } }';
    const { data } = loadedWith(`{ default_store: b, stores: [${A}, ${B}, ${module}] }`);
    expect(data.use).toBeUndefined();
    expect(configuredStores(data)).toMatchObject([
      { name: 'a', use: 'file', isDefault: false, path: 'data.stores.0.options', options: { path: '/a' } },
      { name: 'b', use: 's3', isDefault: true, options: { bucket: 'b', uploads: 8 } },
      { name: 'c', use: './store.mjs', description: 'Tape', options: { drive: '1' } },
    ]);
  });

  it('may be a single one, which is the default', () => {
    expect(configuredStores(loadedWith(`{ stores: [${A}] }`).data)).toMatchObject([
      { name: 'a', isDefault: true },
    ]);
  });

  it.each([
    [
      `{ stores: [${A}, ${B}] }`,
      'GLIMPSE_DATA_DEFAULT_STORE is missing: it must be one of data.stores: a, b',
    ],
    [`{ default_store: c, stores: [${A}, ${B}] }`, 'GLIMPSE_DATA_DEFAULT_STORE = "c" is not allowed'],
    [`{ default_store: a }`, 'GLIMPSE_DATA_DEFAULT_STORE is not allowed without data.stores'],
    [`{ use: file, stores: [${A}] }`, 'GLIMPSE_DATA_USE is not allowed with data.stores'],
    [`{ stores: [${A}], options: { path: /x } }`, 'data.options is not allowed with data.stores'],
    [`{ default_store: a, stores: [${A}, ${A}] }`, 'two stores have the id "a"'],
    [`{ default_store: a, stores: [${A}, ${A.replace('id: a', 'id: d')}] }`, 'a and d have the same place'],
    [`{ stores: [{ id: a, use: file }] }`, 'data.stores.0.options.path is missing: the store a requires it'],
    [`{ stores: [{ id: a, use: s3 }] }`, 'data.stores.0.options.bucket is missing: the store a requires it'],
    [`{ stores: [{ id: "a,b", use: file }] }`, 'data.stores.0.id in'],
    [`{ stores: [{ id: os_glance_a, use: file }] }`, 'data.stores.0.id in'],
    [`{ stores: [{ id: a }] }`, 'data.stores.0.use in'],
  ])('%s is refused', (data, message) => {
    expect(() => loadedWith(data)).toThrow(message);
  });

  it('are not those of a mirror', () => {
    expect(() => loadedWith(`{ stores: [${A}] }`, { GLIMPSE_SOURCE: './source.mjs' })).toThrow(
      'data.stores is not allowed with GLIMPSE_SOURCE',
    );
  });
});
