import type { AccessRule, Identity, Scope } from '@glimpse/domain';
import type { Endpoint } from './catalog.js';
import { NoResponse } from './errors.js';

/** A token as Keystone describes it. */
export interface TokenDocument {
  readonly identity: Identity;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** Undefined where the request excluded it. */
  readonly catalog: readonly Endpoint[] | undefined;
}

type Json = { readonly [key: string]: unknown };

function unexpected(what: string): never {
  throw new NoResponse(`its answer is not a token: ${what}`);
}

function mapping(value: unknown, what: string): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : unexpected(`${what} is no mapping`);
}

function list(value: unknown, what: string): readonly Json[] {
  return Array.isArray(value)
    ? value.map((entry) => mapping(entry, `an entry of ${what}`))
    : unexpected(`${what} is no list`);
}

function text(value: unknown, what: string): string {
  return typeof value === 'string' ? value : unexpected(`${what} is no text`);
}

/** Where a token expires with its application credential its expiry has no zone; Keystone's times are UTC. */
function time(value: unknown, what: string): Date {
  const written = text(value, what);
  const date = new Date(/(?:Z|[+-]\d\d:?\d\d)$/.test(written) ? written : `${written}Z`);
  return Number.isNaN(date.getTime()) ? unexpected(`${what} is no time`) : date;
}

function domainIdOf(domain: unknown, of: string): string {
  return text(mapping(domain, `${of}.domain`)['id'], `${of}.domain.id`);
}

function scopeOf(token: Json): Scope {
  for (const kind of ['project', 'domain'] as const) {
    if (token[kind] === undefined) continue;
    const { id, name, domain } = mapping(token[kind], kind);
    const scope = { id: text(id, `${kind}.id`), name: text(name, `${kind}.name`) };
    return kind === 'domain' ? { kind, ...scope } : { kind, ...scope, domainId: domainIdOf(domain, kind) };
  }
  if (token['system'] === undefined) return { kind: 'none' };
  return mapping(token['system'], 'system')['all'] === true
    ? { kind: 'system' }
    : unexpected('system.all is not true');
}

function accessRulesOf(token: Json): readonly AccessRule[] | null {
  if (token['application_credential'] === undefined) return null;
  const rules = mapping(token['application_credential'], 'application_credential')['access_rules'];
  if (rules === undefined || rules === null) return null;
  return list(rules, 'access_rules').map(({ service, method, path }) => ({
    service: text(service, 'access_rules.service'),
    method: text(method, 'access_rules.method'),
    path: text(path, 'access_rules.path'),
  }));
}

function catalogOf(token: Json): readonly Endpoint[] | undefined {
  if (token['catalog'] === undefined) return undefined;
  return list(token['catalog'], 'catalog').flatMap(({ type, endpoints }) =>
    list(endpoints, 'endpoints').map((endpoint) => ({
      type: text(type, 'type'),
      interface: text(endpoint['interface'], 'interface'),
      region: text(endpoint['region_id'] ?? endpoint['region'] ?? '', 'region_id'),
      url: text(endpoint['url'], 'url'),
    })),
  );
}

/**
 * Reads the document of a token, as `/v3/auth/tokens` returns it.
 *
 * @param serviceRoles the roles that make it a service's; case does not matter
 * @throws {NoResponse} it is no such document
 * @see {@link https://docs.openstack.org/api-ref/identity/v3/#validate-and-show-information-for-token}
 */
export function readToken(document: unknown, serviceRoles: readonly string[]): TokenDocument {
  const token = mapping(mapping(document, 'the document')['token'], 'token');
  const user = mapping(token['user'], 'user');
  const roles = list(token['roles'] ?? [], 'roles').map(({ name }) => text(name, 'roles.name'));
  const wanted = new Set(serviceRoles.map((role) => role.toLowerCase()));
  const expiresAt = time(token['expires_at'], 'expires_at');
  return {
    identity: {
      userId: text(user['id'], 'user.id'),
      userName: text(user['name'], 'user.name'),
      userDomainId: domainIdOf(user['domain'], 'user'),
      scope: scopeOf(token),
      roles,
      accessRules: accessRulesOf(token),
      expiresAt,
      service: roles.some((role) => wanted.has(role.toLowerCase())),
      isAdminProject: token['is_admin_project'] !== false,
    },
    issuedAt: time(token['issued_at'], 'issued_at'),
    expiresAt,
    catalog: catalogOf(token),
  };
}
