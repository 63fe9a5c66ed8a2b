import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImageExtension, sampleImage } from '@glimpse/plugins/testing';
import plugin from './index.js';

for (const options of [{}, { as: 'flag' }, { ownerless: 'ownerless' }]) {
  test(`conforms to its contract, with ${JSON.stringify(options)}`, () =>
    checkImageExtension(plugin, options));
}

test('shows the owner as its options say', () => {
  const documentOf = (options, owner) => plugin.create(options).attributes(sampleImage({ owner }));
  assert.deepEqual(documentOf({ as: 'id' }, 'p1'), { 'EXAMPLE-OWNER:owner': 'p1' });
  assert.deepEqual(documentOf({ as: 'id' }, null), { 'EXAMPLE-OWNER:owner': null });
  assert.deepEqual(documentOf({ as: 'id', ownerless: 'ownerless' }, null), {
    'EXAMPLE-OWNER:owner': 'ownerless',
  });
  assert.deepEqual(documentOf({ as: 'flag' }, 'p1'), { 'EXAMPLE-OWNER:owner': true });
});
