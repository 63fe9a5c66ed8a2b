import type { RuleDefault } from '@glimpse/auth';

/**
 * The defaults of rules that no policy file replaces:
 * - `own`: for a catalogue without a source. Every valid token reads; members of the owning project change
 * - `current`: those of Glance since 2023.1
 * - `legacy`: those of older Glance releases, whose deprecated defaults allow almost everything
 */
export type ImageRuleDefaults = 'own' | 'current' | 'legacy';

const ADMIN = 'rule:context_is_admin';
const MEMBER = 'role:member and project_id:%(project_id)s';
const ADMIN_OR_MEMBER = `${ADMIN} or (${MEMBER})`;
const ADMIN_OR_READER = `${ADMIN} or (role:reader and project_id:%(project_id)s)`;
const VISIBLE =
  "(project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or " +
  "'public':%(visibility)s or 'shared':%(visibility)s)";
/** Glance's default of `get_image`, whose result is the same for all images that are listed for a caller. */
export const CURRENT_GET_IMAGE = `${ADMIN} or (role:reader and ${VISIBLE})`;
const ADMIN_OR_IMAGE_MEMBER = `${ADMIN} or (role:member and ${VISIBLE})`;
const MEMBERS_READER = `${ADMIN} or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)`;
const NAMESPACE_READER = `${ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))`;

/** The rules that this service enforces: name, current default, default in a catalogue of its own, description. */
const ENFORCED: readonly (readonly [name: string, current: string, own: string, description: string])[] = [
  ['get_image', CURRENT_GET_IMAGE, '', 'Show an image that is visible to the caller.'],
  ['get_images', ADMIN_OR_READER, '', 'List images.'],
  ['get_members', MEMBERS_READER, '', 'List the members of an image that are visible to the caller.'],
  ['get_member', MEMBERS_READER, '', 'Show a member of an image.'],
  [
    'modify_image',
    ADMIN_OR_MEMBER,
    ADMIN_OR_MEMBER,
    'Change an image of the own project, metadata included.',
  ],
  ['delete_image', ADMIN_OR_MEMBER, ADMIN_OR_MEMBER, 'Delete an image of the own project.'],
];

/** The rules that are enforced in a catalogue of its own only: a mirror passes these changes on to Glance. */
const ENFORCED_ON_CHANGES: Readonly<Record<string, string>> = {
  add_image: 'Create an image.',
  publicize_image: 'Make an image public.',
  communitize_image: 'Make an image visible to all projects that know its id.',
  upload_image: 'Upload the data of an image of the own project.',
  download_image: 'Download the data of an image that is visible to the caller.',
  add_member: 'Share an image with a project.',
  delete_member: 'Stop sharing an image with a project.',
  modify_member: 'Accept or reject an image that is shared with the own project.',
  deactivate: 'Deactivate an image.',
  reactivate: 'Activate an image that was deactivated.',
  copy_image: 'Copy the data of an image to further stores.',
  get_image_location: 'Delete the data of an image from a store, together with the next rule.',
  delete_image_location: 'Delete the data of an image from a store.',
  stores_info_detail: 'List the stores of image data with their details.',
};

/** The base rules that Glance's files may refer to; they are the same in all releases. */
const BASE: Readonly<Record<string, string>> = {
  default: '',
  service_api: 'role:service or role:admin',
  metadef_default: '',
  metadef_admin: ADMIN,
};

/** The other rules of Glance that older releases open to everyone, with their current defaults. */
const OPEN_BEFORE: Readonly<Record<string, string>> = {
  add_image: `${ADMIN} or (${MEMBER} and project_id:%(owner)s)`,
  communitize_image: ADMIN_OR_MEMBER,
  download_image: ADMIN_OR_IMAGE_MEMBER,
  upload_image: ADMIN_OR_MEMBER,
  delete_image_location: ADMIN,
  get_image_location: ADMIN_OR_READER,
  set_image_location: ADMIN_OR_MEMBER,
  add_member: ADMIN_OR_MEMBER,
  delete_member: ADMIN_OR_MEMBER,
  modify_member: `${ADMIN} or (role:member and project_id:%(member_id)s)`,
  deactivate: ADMIN_OR_MEMBER,
  reactivate: ADMIN_OR_MEMBER,
  get_task: 'rule:default',
  get_tasks: 'rule:default',
  add_task: 'rule:default',
  modify_task: 'rule:default',
  get_metadef_namespace: NAMESPACE_READER,
  get_metadef_namespaces: ADMIN_OR_READER,
  get_metadef_object: NAMESPACE_READER,
  get_metadef_objects: NAMESPACE_READER,
  list_metadef_resource_types: NAMESPACE_READER,
  get_metadef_resource_type: NAMESPACE_READER,
  get_metadef_property: NAMESPACE_READER,
  get_metadef_properties: NAMESPACE_READER,
  get_metadef_tag: NAMESPACE_READER,
  get_metadef_tags: NAMESPACE_READER,
};

/** The rest, with the same default in all releases. */
const OTHERS: Readonly<Record<string, string>> = {
  publicize_image: ADMIN,
  download_from_store: ADMIN_OR_IMAGE_MEMBER,
  add_image_location: `rule:service_api or (${MEMBER} and project_id:%(owner)s)`,
  fetch_image_location: 'rule:service_api',
  copy_image: ADMIN,
  manage_image_cache: ADMIN,
  list_cached_nodes: ADMIN,
  cache_image: ADMIN,
  cache_list: ADMIN,
  cache_delete: ADMIN,
  cache_clean: ADMIN,
  cache_prune: ADMIN,
  stores_info_detail: `${ADMIN} or rule:service_api`,
  tasks_api_access: ADMIN,
  modify_metadef_namespace: 'rule:metadef_admin',
  add_metadef_namespace: 'rule:metadef_admin',
  delete_metadef_namespace: 'rule:metadef_admin',
  modify_metadef_object: 'rule:metadef_admin',
  add_metadef_object: 'rule:metadef_admin',
  delete_metadef_object: 'rule:metadef_admin',
  add_metadef_resource_type_association: 'rule:metadef_admin',
  remove_metadef_resource_type_association: 'rule:metadef_admin',
  modify_metadef_property: 'rule:metadef_admin',
  add_metadef_property: 'rule:metadef_admin',
  remove_metadef_property: 'rule:metadef_admin',
  modify_metadef_tag: 'rule:metadef_admin',
  add_metadef_tag: 'rule:metadef_admin',
  add_metadef_tags: 'rule:metadef_admin',
  delete_metadef_tag: 'rule:metadef_admin',
  delete_metadef_tags: 'rule:metadef_admin',
};

/**
 * All rules that Glance registers in code, so that its policy files load here. Only a few are enforced by this
 * service; files may refer to any.
 *
 * @see {@link https://opendev.org/openstack/glance/src/branch/master/glance/policies}
 */
export function imageRules(defaults: ImageRuleDefaults): readonly RuleDefault[] {
  const referable = (rules: Readonly<Record<string, string>>): RuleDefault[] =>
    Object.entries(rules).map(([name, text]) => {
      const description = defaults === 'own' ? ENFORCED_ON_CHANGES[name] : undefined;
      return { name, text, description: description ?? '', enforced: description !== undefined };
    });
  const openBefore = referable(OPEN_BEFORE);
  return [
    {
      name: 'context_is_admin',
      text: 'role:admin',
      description: 'The administrators, who see and may change every image.',
      enforced: true,
    },
    ...ENFORCED.map(([name, current, own, description]): RuleDefault => {
      const text = { current, own, legacy: '' }[defaults];
      // Since 2023.1 Glance enforces scopes, also where a policy file replaces the rules.
      return {
        name,
        text,
        description,
        enforced: true,
        ...(defaults === 'current' && { scopes: ['project'] }),
      };
    }),
    ...referable(BASE),
    ...(defaults === 'legacy' ? openBefore.map((rule) => ({ ...rule, text: '' })) : openBefore),
    ...referable(OTHERS),
  ];
}
