import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Optional, Text, definePlugin } from '@glimpse/plugins';

class Options {
  /** A JSON file, `{token: {user, project, roles}}`; an identity without a project is scoped to none. */
  file;

  /** What a 401 tells clients about where tokens come from. */
  realm = 'glimpse';
}
Text()(Options.prototype, 'file');
Text()(Options.prototype, 'realm');
Optional()(Options.prototype, 'realm');

/** Tokens are looked up by their hash, so that the time a look-up takes tells nothing about them. */
const hash = (token) => createHash('sha256').update(token).digest('base64');

const isText = (value) => typeof value === 'string' && value !== '';

/** What Glimpse knows about whoever sends a token. `position` stands for the token, which no message may hold. */
function identityOf({ user, project, roles }, position) {
  const right = isText(user) && (project === undefined || isText(project));
  if (!right || !Array.isArray(roles) || !roles.every(isText)) {
    throw new Error(`identity ${position}: wanted is {user, project, roles}, with roles a list of names`);
  }
  return {
    userId: user,
    userName: user,
    scope: project === undefined ? { kind: 'none' } : { kind: 'project', id: project, name: project },
    roles,
    accessRules: null,
    expiresAt: null,
    service: roles.includes('service'),
  };
}

/** An authenticator whose tokens stand in a file, which is read once. */
export default definePlugin({
  kind: 'authenticator',
  contract: 1,
  options: Options,
  async create({ file, realm }) {
    const known = new Map();
    const document = JSON.parse(await readFile(file, 'utf8'));
    for (const [token, identity] of Object.entries(document)) {
      known.set(hash(token), identityOf(identity, known.size + 1));
    }
    return {
      challenge: `Token realm="${realm}"`,
      async authenticate(token) {
        const identity = known.get(hash(token));
        return identity ? { outcome: 'identity', identity } : { outcome: 'invalid' };
      },
    };
  },
});
