import type { Credentials, Policy } from '@glimpse/auth';

/** Whether a policy lets a caller list images. The target is the caller's own project, as in Glance. */
export function mayList(policy: Policy, credentials: Credentials): boolean {
  return policy.allows('get_images', credentials, { project_id: credentials.project_id });
}
