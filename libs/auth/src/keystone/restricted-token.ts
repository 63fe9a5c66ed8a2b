import { randomUUID } from 'node:crypto';
import type { AccessRule } from '@glimpse/domain';
import { timeLimit, type HttpClient, type HttpRequest, type HttpResponse } from '@glimpse/http-client';
import { CredentialForbidden, UnexpectedStatus } from './errors.js';
import { retryAfterOf } from './keystone-client.js';
import { versionThree, type KeystoneOptions } from './options.js';
import { authentication, readIssued } from './own-token.js';

/** How long the credential and its tokens live. */
const LIFETIME_S = 5;

/** What a token is restricted to; an omitted part is as for its user. */
export interface Restriction {
  /** The only calls that it is valid for. */
  readonly accessRules?: readonly AccessRule[];
  /** The names of its only roles, which its user has. */
  readonly roles?: readonly string[];
}

/** A restricted token of a service's user. */
export interface RestrictedToken {
  readonly token: string;
  /** Milliseconds until it expires, by Keystone's clock. */
  readonly endsIn: number;
}

/**
 * Creates an application credential of a service's user, passes a token of it to `use`, and deletes it with its
 * access rules. Where Keystone is unavailable by then, it still expires within seconds.
 *
 * @throws {KeystoneUnavailable}
 */
export async function withRestrictedToken<T>(
  send: HttpClient,
  options: KeystoneOptions,
  { accessRules, roles }: Restriction,
  use: (restricted: RestrictedToken) => Promise<T>,
): Promise<T> {
  const base = versionThree(options.authUrl);
  const call = (
    method: HttpRequest['method'],
    path: string,
    token?: string,
    body?: object,
  ): Promise<HttpResponse> =>
    send({
      method,
      url: base + path,
      ...(token !== undefined && { headers: { 'x-auth-token': token } }),
      ...(body && { body }),
      signal: timeLimit(options.timeout * 1000),
    });
  const issue = async (body: object) => readIssued(await call('POST', '/auth/tokens', undefined, body));

  // A new one: its time of issue is Keystone's time, by which the credential expires.
  const own = await issue(authentication(options));
  const user = `/users/${own.identity.userId}`;
  const created = await call('POST', `${user}/application_credentials`, own.token, {
    application_credential: {
      name: `trial-${randomUUID()}`,
      expires_at: new Date(own.issuedAt.getTime() + LIFETIME_S * 1000).toISOString().replace('Z', ''),
      ...(accessRules && { access_rules: accessRules }),
      ...(roles && { roles: roles.map((name) => ({ name })) }),
    },
  });
  if (created.status === 403) throw new CredentialForbidden();
  const credential = credentialIn(created);
  try {
    const { id, secret } = credential;
    const identity = { methods: ['application_credential'], application_credential: { id, secret } };
    const { token, issuedAt, expiresAt } = await issue({ auth: { identity } });
    return await use({ token, endsIn: expiresAt.getTime() - issuedAt.getTime() });
  } finally {
    const { id, rules } = credential;
    const remains = [`application_credentials/${id}`, ...rules.map((rule) => `access_rules/${rule}`)];
    for (const each of remains) await call('DELETE', `${user}/${each}`, own.token).catch(() => undefined);
  }
}

interface Credential {
  readonly id: string;
  readonly secret: string;
  /** The ids of its access rules, which outlive it. */
  readonly rules: readonly string[];
}

function credentialIn({ status, headers, document }: HttpResponse): Credential {
  const created = (document as { application_credential?: Record<string, unknown> } | null | undefined)
    ?.application_credential;
  const { id, secret, access_rules: rules } = created ?? {};
  if (status !== 201 || typeof id !== 'string' || typeof secret !== 'string') {
    throw new UnexpectedStatus(status, retryAfterOf(headers));
  }
  return { id, secret, rules: Array.isArray(rules) ? rules.map((rule) => (rule as { id: string }).id) : [] };
}
