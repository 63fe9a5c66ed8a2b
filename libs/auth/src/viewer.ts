import type { Viewer } from '@glimpse/domain';
import type { Credentials } from './policy/index.js';

/** What the access rules of the domain know of whoever has these credentials. */
export function viewerOf({ project_id, is_admin }: Credentials): Viewer {
  return { project: project_id, admin: is_admin };
}
