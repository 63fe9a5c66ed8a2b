import { describe, expect, it } from '@jest/globals';
import type { Identity } from '@glimpse/domain';
import { loadPlugin, type Authenticator } from '@glimpse/plugins';
import { checkAuthenticator } from '@glimpse/plugins/testing';
import { developmentAuthenticator } from './development.js';
import { readIdentities } from './identities.js';

const KEYSTONE = 'http://127.0.0.1:5000';

function start(identities: ReadonlyMap<string, Identity>): Promise<Authenticator> {
  return loadPlugin(
    'authenticator',
    { use: 'development' },
    { development: developmentAuthenticator(identities, KEYSTONE) },
    (specifier) => Promise.reject(new Error(`${specifier} is not built in`)),
  );
}

function two(): Map<string, Identity> {
  return readIdentities({
    'ann-token': { user_id: 'a', user_name: 'ann', roles: ['member'] },
    'bob-token': { user_id: 'b', user_name: 'bob', roles: [] },
  });
}

describe('developmentAuthenticator', () => {
  it('conforms to the contract of plugins', () =>
    checkAuthenticator(developmentAuthenticator(two(), KEYSTONE), { token: 'ann-token' }));

  it('knows whom each of its tokens belongs to', async () => {
    const identities = two();
    const authenticator = await start(identities);
    for (const [token, identity] of identities) {
      expect(await authenticator.authenticate(token)).toEqual({ outcome: 'identity', identity });
    }
  });

  it.each(['', 'garbage', 'ann', 'ann-toke', 'ann-token ', 'ANN-TOKEN', '__proto__', 'a'.repeat(100_000)])(
    'finds every other token invalid: %.20j',
    async (token) => {
      const authenticator = await start(two());
      expect(await authenticator.authenticate(token)).toEqual({ outcome: 'invalid' });
    },
  );

  it('has the same result for every request with a token', async () => {
    const authenticator = await start(two());
    for (const request of [{}, { fresh: true }, { allowExpired: true }]) {
      expect(await authenticator.authenticate('bob-token', request)).toMatchObject({ outcome: 'identity' });
      expect(await authenticator.authenticate('garbage', request)).toEqual({ outcome: 'invalid' });
    }
  });

  it('keeps to the identities it was made with', async () => {
    const identities = two();
    const authenticator = await start(identities);
    identities.delete('ann-token');
    identities.set('eve-token', identities.get('bob-token')!);
    expect(await authenticator.authenticate('ann-token')).toMatchObject({ outcome: 'identity' });
    expect(await authenticator.authenticate('eve-token')).toEqual({ outcome: 'invalid' });
  });

  it('accepts no token without identities', async () => {
    const authenticator = await start(new Map());
    expect(await authenticator.authenticate('ann-token')).toEqual({ outcome: 'invalid' });
  });

  it("sends those without a valid token to Keystone's URL", async () => {
    expect((await start(two())).challenge).toBe('Keystone uri="http://127.0.0.1:5000"');
  });

  it('has no options', async () => {
    const loading = loadPlugin(
      'authenticator',
      { use: 'development', options: { token: 'x' } },
      { development: developmentAuthenticator(two(), KEYSTONE) },
      () => Promise.resolve({}),
    );
    await expect(loading).rejects.toThrow(
      'plugin development: option token is not a known key: known are none',
    );
  });
});
