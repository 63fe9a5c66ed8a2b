import { randomUUID } from 'node:crypto';
import type { AccessRule } from '@glimpse/domain';
import { CredentialForbidden, UnexpectedStatus } from './cannot-ask.js';
import { retryAfterOf, type Answer, type Ask, type Question } from './connection.js';
import { versionThree, type KeystoneOptions } from './options.js';
import { authentication, readIssued } from './own-token.js';

/** How long the credential lives, and its tokens with it. */
const LIFETIME_S = 5;

/** What a token of a service's user is restricted to; what is left out is as for the user. */
export interface Restriction {
  /** The only calls that it is valid for. */
  readonly accessRules?: readonly AccessRule[];
  /** The names of its only roles, which its user has. */
  readonly roles?: readonly string[];
}

/** A restricted token of a service's user. */
export interface RestrictedToken {
  readonly token: string;
  /** Milliseconds until it is over, by Keystone's clock. */
  readonly endsIn: number;
}

/**
 * Creates an application credential of a service's user, passes a token of it to `use`, and deletes it with its
 * access rules. Where Keystone is unavailable by then, it still expires within seconds.
 *
 * @throws {CannotAsk}
 */
export async function withRestrictedToken<T>(
  ask: Ask,
  options: KeystoneOptions,
  { accessRules, roles }: Restriction,
  use: (restricted: RestrictedToken) => Promise<T>,
): Promise<T> {
  const base = versionThree(options.authUrl);
  const call = (method: Question['method'], path: string, token?: string, body?: object): Promise<Answer> =>
    ask({
      method,
      url: base + path,
      ...(token !== undefined && { headers: { 'x-auth-token': token } }),
      ...(body && { body }),
      signal: AbortSignal.timeout(options.timeout * 1000),
    });
  const issue = async (body: object) => readIssued(await call('POST', '/auth/tokens', undefined, body));

  // A new one: when it was issued tells Keystone's time, by which the credential ends.
  const own = await issue(authentication(options));
  const user = `/users/${own.identity.userId}`;
  const made = await call('POST', `${user}/application_credentials`, own.token, {
    application_credential: {
      name: `trial-${randomUUID()}`,
      expires_at: new Date(own.issuedAt.getTime() + LIFETIME_S * 1000).toISOString().replace('Z', ''),
      ...(accessRules && { access_rules: accessRules }),
      ...(roles && { roles: roles.map((name) => ({ name })) }),
    },
  });
  if (made.status === 403) throw new CredentialForbidden();
  const credential = credentialIn(made);
  try {
    const { id, secret } = credential;
    const identity = { methods: ['application_credential'], application_credential: { id, secret } };
    const { token, issuedAt, expiresAt } = await issue({ auth: { identity } });
    return await use({ token, endsIn: expiresAt.getTime() - issuedAt.getTime() });
  } finally {
    const { id, rules } = credential;
    const left = [`application_credentials/${id}`, ...rules.map((rule) => `access_rules/${rule}`)];
    for (const each of left) await call('DELETE', `${user}/${each}`, own.token).catch(() => undefined);
  }
}

interface Credential {
  readonly id: string;
  readonly secret: string;
  /** The ids of its access rules, which outlive it. */
  readonly rules: readonly string[];
}

function credentialIn({ status, headers, document }: Answer): Credential {
  const made = (document as { application_credential?: Record<string, unknown> } | null | undefined)
    ?.application_credential;
  const { id, secret, access_rules: rules } = made ?? {};
  if (status !== 201 || typeof id !== 'string' || typeof secret !== 'string') {
    throw new UnexpectedStatus(status, retryAfterOf(headers));
  }
  return { id, secret, rules: Array.isArray(rules) ? rules.map((rule) => (rule as { id: string }).id) : [] };
}
