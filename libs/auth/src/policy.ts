import { DomainError, type Identity } from '@glimpse/domain';

/** What an identity may be refused by policy, in Glance's names. */
export type PolicyRule = 'modify_image' | 'delete_image';

/** A policy rule refuses what the rules of the domain would allow. */
export class PolicyRefused extends DomainError {
  readonly code = 'policy-refused';

  constructor(readonly rule: PolicyRule) {
    super(`Policy doesn't allow ${rule} to be performed.`);
  }
}

/** Whether an identity is an administrator: the default of `context_is_admin`, `role:admin`. */
export function isAdmin(identity: Identity): boolean {
  return hasRole(identity, 'admin');
}

function hasRole(identity: Identity, role: string): boolean {
  return identity.roles.some((held) => held.toLowerCase() === role);
}

/**
 * Asks Glance's default of a rule, `rule:context_is_admin or (role:member and project_id:%(project_id)s)`,
 * about an image that is the identity's to change: of it the role is left to ask for.
 *
 * @throws {PolicyRefused}
 */
export function enforce(rule: PolicyRule, identity: Identity): void {
  if (!isAdmin(identity) && !hasRole(identity, 'member')) throw new PolicyRefused(rule);
}
