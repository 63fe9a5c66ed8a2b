import { projectOf, type Identity, type Scope } from '@glimpse/domain';
import type { CredentialValues } from './evaluate.js';

/** An identity by oslo.policy's names. */
export interface Credentials extends CredentialValues {
  readonly user_id: string;
  readonly user_domain_id: string | null;
  readonly project_id: string | null;
  readonly project_domain_id: string | null;
  readonly domain_id: string | null;
  /** `all` for a token of the whole system. */
  readonly system_scope: string | null;
  readonly roles: readonly string[];
  readonly is_admin_project: boolean;
  readonly service_user_id: string | null;
  readonly service_user_domain_id: string | null;
  readonly service_project_id: string | null;
  readonly service_project_domain_id: string | null;
  readonly service_roles: readonly string[];
}

/** The names of all credentials that an identity gives: a check of any other name never holds. */
export const CREDENTIAL_NAMES: readonly string[] = [
  'user_id',
  'user_domain_id',
  'project_id',
  'project_domain_id',
  'domain_id',
  'system_scope',
  'system',
  'roles',
  'is_admin_project',
  'service_user_id',
  'service_user_domain_id',
  'service_project_id',
  'service_project_domain_id',
  'service_roles',
];

/**
 * The credentials of an identity: the names of oslo.context's `to_policy_values()`, and `system` as oslo.policy adds it.
 * A missing value is null, Python's `None`.
 *
 * @example
 * policy.allows('delete_server', credentialsOf(identity), { project_id: 'p1' });
 */
export function credentialsOf(identity: Identity): Credentials {
  const { scope, userId, userDomainId, roles, isAdminProject, forwardedBy } = identity;
  return {
    user_id: userId,
    user_domain_id: userDomainId ?? null,
    project_id: projectOf(identity),
    project_domain_id: projectDomainOf(scope),
    domain_id: scope.kind === 'domain' ? scope.id : null,
    ...(scope.kind === 'system' ? { system_scope: 'all', system: 'all' } : { system_scope: null }),
    roles,
    is_admin_project: isAdminProject ?? true,
    service_user_id: forwardedBy?.userId ?? null,
    service_user_domain_id: forwardedBy?.userDomainId ?? null,
    service_project_id: forwardedBy?.projectId ?? null,
    service_project_domain_id: forwardedBy?.projectDomainId ?? null,
    service_roles: forwardedBy?.roles ?? [],
  };
}

function projectDomainOf(scope: Scope): string | null {
  return (scope.kind === 'project' && scope.domainId) || null;
}
