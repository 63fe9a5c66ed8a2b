import type { Credentials, Policy, Target } from '@glimpse/auth';
import type { Viewer } from '@glimpse/domain';

/**
 * The caller with these credentials, as the domain's access rules see it. An administrator is a caller that
 * the rule `context_is_admin` allows.
 */
export function viewerOf(credentials: Credentials, policy: Policy): Viewer {
  return {
    project: credentials.project_id,
    admin: policy.allows('context_is_admin', credentials, contextTargetOf(credentials)),
  };
}

/** The target of `context_is_admin`: Glance checks it against the request's own context, by the names of `to_dict()`. */
function contextTargetOf(credentials: Credentials): Target {
  const { user_id, user_domain_id, project_id, project_domain_id, domain_id } = credentials;
  const { system_scope, roles, is_admin_project } = credentials;
  return {
    user: user_id,
    user_domain: user_domain_id,
    project_id,
    project: project_id,
    project_domain: project_domain_id,
    domain: domain_id,
    system_scope,
    roles,
    is_admin_project,
    is_admin: false,
    read_only: false,
    show_deleted: false,
  };
}
