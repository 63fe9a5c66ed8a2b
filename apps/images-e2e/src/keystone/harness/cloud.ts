import { describe, it } from '@jest/globals';

/** Somebody in the run's Keystone. */
export interface Person {
  readonly userId: string;
  readonly projectId: string;
  /** What makes OpenStack's clients be them: `OS_AUTH_URL`, `OS_USERNAME` … */
  readonly env: Readonly<Record<string, string>>;
}

/** The run's Keystone, and what its catalog says. */
export interface Cloud {
  readonly authUrl: string;
  /** The same Keystone, but tokens that are got here last some seconds. */
  readonly shortLivedAuthUrl: string;
  /** How many. */
  readonly shortLived: number;
  readonly people: Readonly<
    Record<'demo' | 'reader' | 'guest' | 'alt' | 'admin' | 'glimpse' | 'glimpse-service' | 'glance', Person>
  >;
  /** Where the catalog says that the service is, without `/v2.1`; nobody listens there unless started. */
  readonly compute: string;
  /** Where it says that the image service is; nobody listens there unless the run has a Glance. */
  readonly image: string;
  /** Of the run's Glance, if it has one: the file that tells its process, the leader of a group. */
  readonly glancePidFile?: string;
  /** Its settings, which it reads when it starts. */
  readonly glanceConfigFile?: string;
}

/**
 * A suite against the run's Keystone; where that or something else is missing, it says that it is skipped.
 *
 * @param missing the package that is missing besides, if one is
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

/** The scope of somebody's own project, as a request for a token names it. */
export function ownProject({ projectId }: Person): object {
  return { project: { id: projectId } };
}

/** How somebody says who they are. */
export function byPassword({ userId, env }: Person): object {
  return { methods: ['password'], password: { user: { id: userId, password: env['OS_PASSWORD'] } } };
}

/** Gets a token. */
export async function authenticate(
  authUrl: string,
  identity: object,
  scope?: object | string,
): Promise<string> {
  const answer = await callKeystone(`${authUrl}/auth/tokens`, 'POST', undefined, {
    auth: { identity, scope },
  });
  const token = answer.headers.get('x-subject-token');
  if (token === null) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
  return token;
}

/** An application credential as it was made. */
export interface Credential {
  readonly id: string;
  readonly secret: string;
}

/** Makes an application credential for somebody, restricted to what is given. */
export async function createCredential(
  { authUrl }: Cloud,
  person: Person,
  accessRules?: readonly { service: string; method: string; path: string }[],
): Promise<Credential> {
  const token = await authenticate(authUrl, byPassword(person), ownProject(person));
  const url = `${authUrl}/users/${person.userId}/application_credentials`;
  const answer = await callKeystone(url, 'POST', token, {
    application_credential: {
      name: `credential-${process.hrtime.bigint()}`,
      ...(accessRules && { access_rules: accessRules }),
    },
  });
  if (answer.status !== 201) throw new Error(`no credential: ${answer.status} ${await answer.text()}`);
  const { application_credential } = (await answer.json()) as { application_credential: Credential };
  const { id, secret } = application_credential;
  return { id, secret };
}

/** How the holder of an application credential says who they are. */
export function byCredential({ id, secret }: Credential): object {
  return { methods: ['application_credential'], application_credential: { id, secret } };
}
