import { projectOf, type Identity, type Viewer } from '@glimpse/domain';
import { isAdmin } from './policy.js';

/** What the access rules of the domain know of an identity. */
export function viewerOf(identity: Identity): Viewer {
  return { project: projectOf(identity), admin: isAdmin(identity) };
}
