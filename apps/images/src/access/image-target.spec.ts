import { describe, expect, it } from '@jest/globals';
import { credentialsOf, loadPolicy } from '@glimpse/auth';
import type { Identity, Image } from '@glimpse/domain';
import { IMAGE_RULES } from './image-rules.js';
import { targetOf } from './image-target.js';

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
  return loadPolicy({
    defaults: IMAGE_RULES.map((rule) => ({ ...rule, text: texts[rule.name] ?? rule.text })),
  });
}

describe('IMAGE_RULES', () => {
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
    const credentials = credentialsOf(identity({ roles, scope: { kind: 'project', id: project, name: '' } }));
    for (const rule of ['modify_image', 'delete_image']) {
      expect(policy.allows(rule, credentials, targetOf(IMAGE, project))).toBe(allowed);
      expect(policy.explain(rule, credentials, targetOf(IMAGE, project)).allowed).toBe(allowed);
    }
    for (const rule of ['get_image', 'get_images']) expect(policy.allows(rule, credentials)).toBe(true);
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
    const credentials = credentialsOf(identity({ scope: { kind: 'project', id: 'p2', name: '' } }));
    expect(policy.allows('get_image', credentials, targetOf(IMAGE, 'p2'))).toBe(true);
    expect(policy.allows('get_image', credentials, targetOf({ ...IMAGE, visibility: 'private' }, 'p2'))).toBe(
      false,
    );
    expect(targetOf(IMAGE, 'p1')['member']).toBeNull();
  });
});
