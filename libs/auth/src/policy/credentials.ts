import { projectOf, type Identity } from '@glimpse/domain';
import type { CredentialValues } from './evaluate.js';
import type { Policy } from './policy.js';

/** An identity by oslo.policy's names. */
export interface Credentials extends CredentialValues {
  readonly user_id: string;
  readonly project_id: string | null;
  readonly domain_id: string | null;
  /** `all` for a token of the whole system. */
  readonly system_scope: string | null;
  readonly roles: readonly string[];
  readonly is_admin: boolean;
}

/**
 * What rules see of an identity: the names of oslo.context's `to_policy_values()`, `system` as oslo.policy
 * adds it, and `is_admin`. Not there, because an identity does not hold them, are the domains of user and
 * project and everything about a service token.
 *
 * @param policy whose `context_is_admin` says what `is_admin` is. It is asked, as Glance does, about the
 *   credentials themselves, with `is_admin` still false. Without a policy, or without that rule, `is_admin` stays false.
 *
 * @example
 * credentialsOf(identity, policy).is_admin;
 */
export function credentialsOf(identity: Identity, policy?: Policy): Credentials {
  const { scope, userId, roles } = identity;
  const system = scope.kind === 'system' ? { system_scope: 'all', system: 'all' } : { system_scope: null };
  const credentials: Credentials = {
    user_id: userId,
    project_id: projectOf(identity),
    domain_id: scope.kind === 'domain' ? scope.id : null,
    ...system,
    roles,
    // oslo.context's default where nobody says otherwise.
    is_admin_project: true,
    is_admin: false,
  };
  const isAdmin =
    policy?.has('context_is_admin') && policy.allows('context_is_admin', credentials, credentials);
  return isAdmin ? { ...credentials, is_admin: true } : credentials;
}
