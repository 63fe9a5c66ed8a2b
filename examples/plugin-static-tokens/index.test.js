import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkAuthenticator } from '@glimpse/plugins/testing';
import plugin from './index.js';

/** A file of tokens. */
async function tokensFile(tokens) {
  const file = join(await mkdtemp(join(tmpdir(), 'static-tokens-')), 'tokens.json');
  await writeFile(file, JSON.stringify(tokens));
  return file;
}

const TOKENS = {
  'token-of-ann': { user: 'ann', project: 'p1', roles: ['member'] },
  'token-of-bob': { user: 'bob', roles: [] },
};

for (const token of Object.keys(TOKENS)) {
  test(`conforms to its contract, with ${token}`, async () =>
    checkAuthenticator(plugin, { options: { file: await tokensFile(TOKENS) }, token }));
}

test('returns project and roles', async () => {
  const authenticator = await plugin.create({ file: await tokensFile(TOKENS), realm: 'tests' });
  const { identity } = await authenticator.authenticate('token-of-ann');
  assert.deepEqual(identity.scope, { kind: 'project', id: 'p1', name: 'p1' });
  assert.deepEqual(identity.roles, ['member']);
});

test('refuses a file with a wrong identity, without saying its token', async () => {
  const file = await tokensFile({ 'secret-token': { user: 'ann', roles: 'member' } });
  await assert.rejects(plugin.create({ file }), /^Error: identity 1 must be \{user, project, roles\}/);
});
