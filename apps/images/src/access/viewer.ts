import type { Credentials } from '@glimpse/auth';
import type { Viewer } from '@glimpse/domain';

/** What the domain's access rules need to know of the caller with these credentials. */
export function viewerOf({ project_id, is_admin }: Credentials): Viewer {
  return { project: project_id, admin: is_admin };
}
