import { projectOf, type Identity, type Viewer } from '@glimpse/domain';

/** Whether an identity is an administrator: the default of `context_is_admin`, `role:admin`. */
function isAdmin(identity: Identity): boolean {
  return identity.roles.some((role) => role.toLowerCase() === 'admin');
}

/** What the access rules of the domain know of an identity. */
export function viewerOf(identity: Identity): Viewer {
  return { project: projectOf(identity), admin: isAdmin(identity) };
}
