import { describe, expect, it } from '@jest/globals';
import type { Identity, Image } from '@glimpse/domain';
import {
  PolicyError,
  credentialsOf,
  explanationLines,
  loadPolicy,
  targetOf,
  IMAGE_RULES,
  type RuleDefault,
} from './index.js';

const IMAGE: Image = {
  id: '70a599e0-31e7-49b7-b260-868f441e862b',
  version: 1n,
  name: 'cirros',
  status: 'active',
  visibility: 'shared',
  hidden: false,
  owner: 'p1',
  protected: true,
  size: 74185822,
  minDisk: 1,
  minRam: 0,
  properties: { os_distro: 'cirros', owner_team: 'a', __proto__: 'x' },
  createdAt: new Date(0),
  updatedAt: null,
  members: new Map([['p2', 'accepted']]),
};

function identity(given: Partial<Identity> = {}): Identity {
  return {
    userId: 'u1',
    userName: 'ann',
    scope: { kind: 'project', id: 'p1', name: 'one' },
    roles: ['member'],
    accessRules: null,
    expiresAt: null,
    service: false,
    ...given,
  };
}

function policyOf(texts: Readonly<Record<string, string>>) {
  const defaults: RuleDefault[] = IMAGE_RULES.map((rule) => ({
    ...rule,
    text: texts[rule.name] ?? rule.text,
  }));
  for (const [name, text] of Object.entries(texts)) {
    if (!defaults.some((rule) => rule.name === name))
      defaults.push({ name, text, description: '', asked: false });
  }
  return loadPolicy({ defaults });
}

describe('Policy', () => {
  it.each<[string[], string, boolean]>([
    [['admin'], 'p9', true],
    [['ADMIN'], 'p9', true],
    [['member'], 'p1', true],
    [['Member', 'reader'], 'p1', true],
    [['reader'], 'p1', false],
    [[], 'p1', false],
    [['member'], 'p2', false],
  ])('lets %j of project %s change an image of p1: %s', (roles, project, allowed) => {
    const policy = loadPolicy({ defaults: IMAGE_RULES });
    const credentials = credentialsOf(
      identity({ roles, scope: { kind: 'project', id: project, name: '' } }),
      policy,
    );
    for (const rule of ['modify_image', 'delete_image']) {
      expect(policy.allows(rule, credentials, targetOf(IMAGE, project))).toBe(allowed);
      expect(policy.explain(rule, credentials, targetOf(IMAGE, project)).allowed).toBe(allowed);
    }
    for (const rule of ['get_image', 'get_images']) expect(policy.allows(rule, credentials)).toBe(true);
  });

  it('explains which part of a rule decided', () => {
    const policy = loadPolicy({ defaults: IMAGE_RULES });
    const credentials = credentialsOf(identity({ roles: ['reader'] }), policy);
    expect(explanationLines(policy.explain('modify_image', credentials, targetOf(IMAGE)))).toEqual([
      'refuses  rule:context_is_admin or (role:member and project_id:%(project_id)s)',
      'refuses    rule:context_is_admin',
      'refuses      role:admin: roles are "reader", wanted is "admin"',
      'refuses    role:member and project_id:%(project_id)s',
      'refuses      role:member: roles are "reader", wanted is "member"',
    ]);
  });

  it('throws for a rule that it does not have', () => {
    const policy = loadPolicy({ defaults: IMAGE_RULES });
    expect(() => policy.allows('get_imgae', {})).toThrow(new PolicyError('there is no rule "get_imgae"'));
    expect(() => policy.explain('get_imgae', {})).toThrow(PolicyError);
    expect(() => policy.readsTarget('get_imgae')).toThrow(PolicyError);
  });

  it('knows which rules look at their target, through others too', () => {
    const policy = policyOf({
      get_images: 'role:reader or rule:context_is_admin or project_id:p1',
      get_image: 'not rule:public',
      public: "'public':%(visibility)s",
      delete_image: 'role:%(role)s',
    });
    const names = ['get_images', 'get_image', 'delete_image', 'default', 'modify_image'];
    expect(names.map((name) => policy.readsTarget(name))).toEqual([false, true, true, false, true]);
  });
});

describe('credentialsOf', () => {
  it('gives an identity by the names of oslo.context', () => {
    expect(credentialsOf(identity())).toEqual({
      user_id: 'u1',
      project_id: 'p1',
      domain_id: null,
      system_scope: null,
      roles: ['member'],
      is_admin_project: true,
      is_admin: false,
    });
    expect(credentialsOf(identity({ scope: { kind: 'domain', id: 'd1', name: '' } }))).toMatchObject({
      project_id: null,
      domain_id: 'd1',
    });
    expect(credentialsOf(identity({ scope: { kind: 'system' } }))).toMatchObject({
      project_id: null,
      system_scope: 'all',
      system: 'all',
    });
  });

  it.each<[string, boolean]>([
    ['role:member', true],
    ['role:admin', false],
    ['is_admin:True', false],
    ["'p1':%(project_id)s", true],
    ['user_id:u1 and not system_scope:all', true],
  ])('calls an identity an administrator where context_is_admin is %j: %s', (rule, admin) => {
    expect(credentialsOf(identity(), policyOf({ context_is_admin: rule })).is_admin).toBe(admin);
  });
});

describe('targetOf', () => {
  it('gives an image by the names of Glance', () => {
    expect(targetOf(IMAGE)).toMatchObject({
      id: IMAGE.id,
      image_id: IMAGE.id,
      name: 'cirros',
      status: 'active',
      visibility: 'shared',
      os_hidden: false,
      owner: 'p1',
      project_id: 'p1',
      protected: true,
      size: 74185822,
      min_disk: 1,
      min_ram: 0,
      os_distro: 'cirros',
      owner_team: 'a',
      extra_properties: IMAGE.properties,
    });
  });

  it('lets no property stand for an attribute', () => {
    const target = targetOf({ ...IMAGE, properties: { project_id: 'p2', member_id: 'p2', id: 'x' } });
    expect(target).toMatchObject({ project_id: 'p1', member_id: null, id: IMAGE.id });
  });

  it('calls the project that asks the member of a shared image of another', () => {
    const get = "project_id:%(member_id)s and 'shared':%(visibility)s";
    const policy = policyOf({ get_image: get });
    const credentials = credentialsOf(identity({ scope: { kind: 'project', id: 'p2', name: '' } }), policy);
    expect(policy.allows('get_image', credentials, targetOf(IMAGE, 'p2'))).toBe(true);
    expect(policy.allows('get_image', credentials, targetOf({ ...IMAGE, visibility: 'private' }, 'p2'))).toBe(
      false,
    );
    expect(targetOf(IMAGE, 'p1')['member']).toBeNull();
  });
});
