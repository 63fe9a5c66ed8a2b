import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Optional, Text, definePlugin } from '@glimpse/plugins';

class Options {
  /** A JSON file, `{token: {user, project, roles}}`; an identity without a project is scoped to none. */
  file;

  /** The realm in the challenge of a 401. */
  realm = 'glimpse';
}
Text()(Options.prototype, 'file');
Text()(Options.prototype, 'realm');
Optional()(Options.prototype, 'realm');

/** Tokens are compared by their hash, so that the time of a comparison reveals nothing about them. */
const hash = (token) => createHash('sha256').update(token).digest('base64');

const isText = (value) => typeof value === 'string' && value !== '';

/** The identity of a token. Messages name its `position`, since they must not contain the token. */
function identityOf({ user, project, roles }, position) {
  const right = isText(user) && (project === undefined || isText(project));
  if (!right || !Array.isArray(roles) || !roles.every(isText)) {
    throw new Error(`identity ${position} must be {user, project, roles}, with roles a list of names`);
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

/** An authenticator whose tokens are in a file, which is read once. */
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
