import type { RuleDefault } from '@glimpse/auth';

/** Glance's new default for changes, without the `rule:default` that it adds to it for old files. */
const ADMIN_OR_PROJECT_MEMBER = 'rule:context_is_admin or (role:member and project_id:%(project_id)s)';

/** The rules of an image service, by Glance's names. */
export const IMAGE_RULES = [
  /** glance/policies/base.py: `role:admin`. */
  {
    name: 'context_is_admin',
    text: 'role:admin',
    description: 'Who is an administrator, and so sees and may change every image.',
    enforced: true,
  },
  /**
   * glance/policies/base.py: the empty text, to which Glance adds its deprecated `role:admin`, so that it
   * always allows. Here nothing falls back to it: a name that is defined nowhere is refused.
   */
  {
    name: 'default',
    text: '',
    description: 'What rule:default in a file refers to; nothing falls back to it.',
    enforced: false,
  },
  /**
   * glance/policies/image.py: `role:admin or (role:reader and (project_id:%(project_id)s or …))`, to which
   * Glance adds its deprecated `rule:default`, so that every valid token has it.
   */
  {
    name: 'get_image',
    text: '',
    description: 'Who may be shown an image that is visible to them.',
    enforced: true,
  },
  /** glance/policies/image.py: `role:admin or (role:reader and …)` with `rule:default`, as `get_image`. */
  {
    name: 'get_images',
    text: '',
    description: 'Who may list images.',
    enforced: true,
  },
  /**
   * glance/policies/image.py: `role:admin or (role:member and project_id:%(project_id)s)`, without the
   * deprecated `rule:default`, as with `enforce_new_defaults`.
   */
  {
    name: 'modify_image',
    text: ADMIN_OR_PROJECT_MEMBER,
    description: 'Who may change an image of their own project, its metadata included.',
    enforced: true,
  },
  /** glance/policies/image.py: as `modify_image`. */
  {
    name: 'delete_image',
    text: ADMIN_OR_PROJECT_MEMBER,
    description: 'Who may delete an image of their own project.',
    enforced: true,
  },
  /** glance/policies/metadef.py: rules that Glance's own files refer to, so that such a file carries over. */
  {
    name: 'metadef_default',
    text: '',
    description: 'What rules of metadata definitions refer to, which this service does not have.',
    enforced: false,
  },
  {
    name: 'metadef_admin',
    text: 'role:admin',
    description: 'What rules of metadata definitions refer to, which this service does not have.',
    enforced: false,
  },
] as const satisfies readonly RuleDefault[];
