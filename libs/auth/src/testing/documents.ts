import { createHash, randomBytes } from 'node:crypto';
import type { AccessRule, Scope } from '@glimpse/domain';

/** A service in Keystone's catalog. */
export interface CatalogService {
  readonly id: string;
  /** Such as `compute`. */
  readonly type: string;
  readonly name: string;
  readonly endpoints: readonly CatalogEndpoint[];
}

/** An endpoint of the catalog. */
export interface CatalogEndpoint {
  readonly id: string;
  readonly interface: 'public' | 'internal' | 'admin';
  readonly region: string;
  readonly region_id: string;
  readonly url: string;
}

/** A token as Keystone keeps it. */
export interface IssuedToken {
  readonly method: 'password' | 'application_credential';
  readonly user: { readonly id: string; readonly name: string; readonly domain: string };
  readonly scope: Scope;
  readonly roles: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Whether it expires with its application credential. */
  readonly endsWithCredential?: boolean;
  readonly auditId: string;
  /** Of a token by application credential, the credential. */
  readonly credential: { readonly id: string; readonly accessRules: readonly AccessRule[] } | null;
  readonly catalog: readonly CatalogService[];
}

/** An id in the form of Keystone's that is the same for the same name, such as `idOf('project', 'demo')`. */
export function idOf(kind: string, name: string): string {
  return createHash('sha256').update(`${kind}/${name}`).digest('hex').slice(0, 32);
}

/** A token that has the form of one of Keystone's: Fernet's version and time, and 128 bytes behind them. */
export function newToken(): string {
  const start = Buffer.alloc(9);
  start[0] = 0x80;
  start.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)), 1);
  return Buffer.concat([start, randomBytes(128)]).toString('base64url');
}

/**
 * The token of a spelling: Keystone's base64 ignores surplus padding and unused bits, which
 * Node's does as well.
 */
export function tokenMeantBy(spelling: string): string {
  return /^gAAAAA[\w-]*=*$/.test(spelling)
    ? Buffer.from(spelling, 'base64url').toString('base64url')
    : spelling;
}

/** An audit id of a token. */
export function newAuditId(): string {
  return randomBytes(16).toString('base64url');
}

function domainOf(id: string) {
  return { id, name: id === 'default' ? 'Default' : id };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}

/** The body that shows a token, on issue and on validation alike. */
export function tokenDocument(token: IssuedToken, withCatalog: boolean): object {
  const { user, scope, credential } = token;
  const roles = token.roles.map((name) => ({ id: idOf('role', name), name }));
  return {
    token: {
      methods: [token.method],
      user: {
        domain: domainOf(user.domain),
        id: user.id,
        name: user.name,
        password_expires_at: null,
      },
      audit_ids: [token.auditId],
      // Keystone 22 omits the zone where the time is the credential's.
      expires_at: token.endsWithCredential
        ? time(token.expiresAt).slice(0, -'.000000Z'.length)
        : time(token.expiresAt),
      issued_at: time(token.issuedAt),
      ...(scope.kind === 'system' && { roles, system: { all: true } }),
      ...(scope.kind === 'domain' && { domain: { id: scope.id, name: scope.name }, roles }),
      ...(scope.kind === 'project' && {
        project: { domain: domainOf(user.domain), id: scope.id, name: scope.name },
        is_domain: false,
        roles,
      }),
      ...(scope.kind !== 'none' && withCatalog && { catalog: token.catalog }),
      ...(credential && { application_credential: credentialDocument(credential) }),
    },
  };
}

/** Keystone leaves out a list of access rules that is empty: such a credential is not restricted. */
function credentialDocument({ id, accessRules }: NonNullable<IssuedToken['credential']>): object {
  const rules = accessRules.map(ruleDocument);
  return { id, name: id, restricted: true, ...(rules.length > 0 && { access_rules: rules }) };
}

/** An access rule as Keystone shows it. */
export function ruleDocument({ service, path, method }: AccessRule) {
  return { id: idOf('rule', `${service} ${method} ${path}`), service, path, method };
}

/** The document of `GET /v3/`. */
export function versionDocument(url: string): object {
  return {
    version: {
      id: 'v3.14',
      status: 'stable',
      updated: '2020-04-07T00:00:00Z',
      links: [{ rel: 'self', href: `${url}/v3/` }],
      'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
    },
  };
}

/** The catalog of a small cloud: image, identity and compute. */
export function catalogOf(url: string, imageUrl: string | null): CatalogService[] {
  const service = (
    type: string,
    name: string,
    address: string,
    interfaces: readonly CatalogEndpoint['interface'][] = ['public'],
  ): CatalogService => ({
    endpoints: interfaces.map((each) => ({
      id: idOf('endpoint', `${type} ${each}`),
      interface: each,
      region_id: 'RegionOne',
      url: address,
      region: 'RegionOne',
    })),
    id: idOf('service', type),
    type,
    name,
  });
  return [
    ...(imageUrl === null ? [] : [service('image', 'glance', imageUrl)]),
    service('identity', 'keystone', `${url}/v3/`, ['public', 'internal', 'admin']),
    service('compute', 'nova', 'http://127.0.0.1:8774/v2.1'),
  ];
}
