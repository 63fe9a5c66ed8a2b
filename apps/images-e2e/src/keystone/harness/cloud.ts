import { describe, it } from '@jest/globals';

/** A user of the run's Keystone. */
export interface Person {
  readonly userId: string;
  readonly projectId: string;
  /** The environment that authenticates OpenStack's clients as this user: `OS_AUTH_URL`, `OS_USERNAME` … */
  readonly env: Readonly<Record<string, string>>;
}

/** The run's Keystone, and the endpoints in its catalog. */
export interface Cloud {
  readonly authUrl: string;
  /** The same Keystone, which issues tokens of a few seconds here. */
  readonly shortLivedAuthUrl: string;
  /** The lifetime of those tokens in seconds. */
  readonly shortLived: number;
  readonly people: Readonly<
    Record<'demo' | 'reader' | 'guest' | 'alt' | 'admin' | 'glimpse' | 'glimpse-service' | 'glance', Person>
  >;
  /** The URL of the service in the catalog, without `/v2.1`; it is closed until a test starts one there. */
  readonly compute: string;
  /** The URL of the image service in the catalog: the run's Glance, or closed until a test starts one there. */
  readonly image: string;
  /** The URL of the run's Glance, if it has one. */
  readonly glanceUrl?: string;
  /** The URL of the run's Nova with `/v2.1`, if it has one. */
  readonly novaUrl?: string;
  /** The file with the process id of the run's Glance, if it has one; it leads a process group. */
  readonly glancePidFile?: string;
  /** Its settings, which it reads when it starts. */
  readonly glanceConfigFile?: string;
}

/**
 * A suite against the run's Keystone; it is skipped, with the reason, where that or another package is missing.
 *
 * @param missing another package that is missing, if any
 */
export function describeWithKeystone(name: string, suite: (cloud: Cloud) => void, missing?: string): void {
  const cloud = process.env['GLIMPSE_E2E_CLOUD'];
  if (cloud !== undefined && missing === undefined) {
    describe(name, () => suite(JSON.parse(cloud) as Cloud));
    return;
  }
  const reason = `skipped: Debian’s package ${missing ?? 'keystone'} is not installed`;
  // Jest does not show the names of what is skipped when it runs several files.
  process.stderr.write(`${name}: ${reason}\n`);
  describe.skip(`${name} (${reason})`, () => {
    it('needs it', () => undefined);
  });
}

/** Sends JSON to the Identity API. */
export function callKeystone(
  url: string,
  method: string,
  token: string | undefined,
  body?: object,
): Promise<Response> {
  return fetch(url, {
    method,
    headers: {
      ...(token !== undefined && { 'x-auth-token': token }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
}

/** The scope of a user's own project in a request for a token. */
export function ownProject({ projectId }: Person): object {
  return { project: { id: projectId } };
}

/** The identity of a user in a request for a token. */
export function byPassword({ userId, env }: Person): object {
  return { methods: ['password'], password: { user: { id: userId, password: env['OS_PASSWORD'] } } };
}

/** Gets a token. */
export async function authenticate(
  authUrl: string,
  identity: object,
  scope?: object | string,
): Promise<string> {
  const response = await callKeystone(`${authUrl}/auth/tokens`, 'POST', undefined, {
    auth: { identity, scope },
  });
  const token = response.headers.get('x-subject-token');
  if (token === null) throw new Error(`no token: ${response.status} ${await response.text()}`);
  return token;
}

/** An application credential. */
export interface Credential {
  readonly id: string;
  readonly secret: string;
}

/** Creates an application credential of a user, restricted to the access rules if there are any. */
export async function createCredential(
  { authUrl }: Cloud,
  person: Person,
  accessRules?: readonly { service: string; method: string; path: string }[],
): Promise<Credential> {
  const token = await authenticate(authUrl, byPassword(person), ownProject(person));
  const url = `${authUrl}/users/${person.userId}/application_credentials`;
  const response = await callKeystone(url, 'POST', token, {
    application_credential: {
      name: `credential-${process.hrtime.bigint()}`,
      ...(accessRules && { access_rules: accessRules }),
    },
  });
  if (response.status !== 201) throw new Error(`no credential: ${response.status} ${await response.text()}`);
  const { application_credential } = (await response.json()) as { application_credential: Credential };
  const { id, secret } = application_credential;
  return { id, secret };
}

/** The identity of an application credential in a request for a token. */
export function byCredential({ id, secret }: Credential): object {
  return { methods: ['application_credential'], application_credential: { id, secret } };
}
