import { hash } from 'node:crypto';
import type { Identity } from '@glimpse/domain';
import { definePlugin, type Plugin } from '@glimpse/plugins';

/** Tokens are found by their hash, so that the time reveals nothing about them. */
function keyOf(token: string): string {
  return hash('sha256', token, 'base64');
}

/**
 * The `development` authenticator: a fixed set of tokens, for machines without a Keystone.
 *
 * @param identities the identity of each token
 * @param keystoneUrl the URL in the challenge of a 401
 *
 * @example
 * const plugin = developmentAuthenticator(readIdentities({ secret: { user_id: 'u', user_name: 'ann', roles: [] } }), 'http://127.0.0.1:5000');
 * const authenticator = await plugin.create({});
 * authenticator.authenticate('secret'); // { outcome: 'identity', identity: { userName: 'ann', … } }
 */
export function developmentAuthenticator(
  identities: ReadonlyMap<string, Identity>,
  keystoneUrl: string,
): Plugin<'authenticator'> {
  const known = new Map([...identities].map(([token, identity]) => [keyOf(token), identity]));
  return definePlugin({
    kind: 'authenticator',
    contract: 1,
    create: () => ({
      challenge: `Keystone uri="${keystoneUrl}"`,
      authenticate(token) {
        const identity = known.get(keyOf(token));
        return identity ? { outcome: 'identity', identity } : { outcome: 'invalid' };
      },
    }),
  });
}
