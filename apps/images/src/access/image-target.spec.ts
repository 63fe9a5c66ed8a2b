import { imageOf, membersOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import { credentialsOf, loadPolicy } from '@glimpse/auth';
import { isListed, type Identity, type Image, type Visibility } from '@glimpse/domain';
import { imageRules } from './image-rules.js';
import { targetOf } from './image-target.js';

const IMAGE: Image = imageOf({
  visibility: 'shared',
  owner: 'p1',
  protected: true,
  size: 74185822,
  minDisk: 1,
  properties: { os_distro: 'cirros', owner_team: 'a', __proto__: 'x' },
  createdAt: new Date(0),
  members: membersOf({ p2: 'accepted' }),
});

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
    defaults: imageRules('own').map((rule) => ({ ...rule, text: texts[rule.name] ?? rule.text })),
  });
}

describe('imageRules', () => {
  it.each<[string[], string, boolean]>([
    [['admin'], 'p9', true],
    [['ADMIN'], 'p9', true],
    [['member'], 'p1', true],
    [['Member', 'reader'], 'p1', true],
    [['reader'], 'p1', false],
    [[], 'p1', false],
    [['member'], 'p2', false],
  ])('lets %j of project %s change an image of p1: %s', (roles, project, allowed) => {
    const policy = loadPolicy({ defaults: imageRules('own') });
    const credentials = credentialsOf(identity({ roles, scope: { kind: 'project', id: project, name: '' } }));
    for (const rule of ['modify_image', 'delete_image']) {
      expect(policy.allows(rule, credentials, targetOf(IMAGE, project))).toBe(allowed);
      expect(policy.explain(rule, credentials, targetOf(IMAGE, project)).allowed).toBe(allowed);
    }
    for (const rule of ['get_image', 'get_images']) expect(policy.allows(rule, credentials)).toBe(true);
  });
});

describe('the current default of get_image', () => {
  const policy = loadPolicy({ defaults: imageRules('current') });
  const visibilities: Visibility[] = ['public', 'community', 'shared', 'private'];
  const cases = visibilities.flatMap((visibility) =>
    [null, 'p1', 'p2'].flatMap((owner) =>
      [['admin'], ['reader'], ['Member', 'reader'], ['guest'], []].map((roles) => ({
        visibility,
        owner,
        roles,
      })),
    ),
  );

  it('gives the same result for every image that is listed for a caller', () => {
    const project = 'p1';
    const listed = cases.filter(({ visibility, owner, roles }) => {
      const image: Image = { ...IMAGE, visibility, owner, members: membersOf({ [project]: 'accepted' }) };
      const admin = roles.includes('admin');
      return [{}, ...visibilities.map((visibility) => ({ visibility }))].some((scope) =>
        isListed(image, { project, admin }, scope),
      );
    });
    expect(listed.length).toBeGreaterThan(20);
    for (const { visibility, owner, roles } of listed) {
      const credentials = credentialsOf(identity({ roles }));
      const target = targetOf({ ...IMAGE, visibility, owner }, project);
      expect(policy.allows('get_image', credentials, target)).toBe(
        policy.allows('get_image', credentials, { visibility: 'public' }),
      );
    }
  });

  it.each<[string[], string | null, Visibility, boolean]>([
    [['reader'], 'p2', 'public', true],
    [['reader'], null, 'public', true],
    [['reader'], null, 'private', false],
    [['admin'], null, 'private', true],
    [['guest'], 'p1', 'private', false],
    [['guest'], 'p2', 'public', false],
  ])(
    'shows a caller with the roles %j an image of %s that is %s: %s',
    (roles, owner, visibility, allowed) => {
      const target = targetOf({ ...IMAGE, owner, visibility }, 'p1');
      expect(policy.allows('get_image', credentialsOf(identity({ roles })), target)).toBe(allowed);
    },
  );

  it.each<Identity['scope']>([{ kind: 'system' }, { kind: 'domain', id: 'd', name: '' }])(
    'shows nothing to a token of the scope $kind, an administrator’s included',
    (scope) => {
      const credentials = credentialsOf(identity({ roles: ['admin'], scope }));
      expect(policy.allows('get_images', credentials, { project_id: null })).toBe(false);
      expect(policy.allows('get_image', credentials, targetOf(IMAGE))).toBe(false);
    },
  );
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

  it.each([
    ["'qcow2':%(disk_format)s and 'bare':%(container_format)s", true],
    ["'raw':%(disk_format)s", false],
    ["'0cbc':%(checksum)s and 'sha512':%(os_hash_algo)s and 'ffee':%(os_hash_value)s", true],
    ["'2147483648':%(virtual_size)s and 74185822:%(size)s", true],
    // Glance prints the address of an object.
    ["'a':%(tags)s", false],
    ["not 'a':%(tags)s and not 'x':%(locations)s", true],
  ])('lets a rule check %s: %s', (get_image, allowed) => {
    const image: Image = {
      ...IMAGE,
      ...{
        diskFormat: 'qcow2',
        containerFormat: 'bare',
        checksum: '0cbc',
        virtualSize: 2 ** 31,
        tags: ['a'],
      },
      ...{ hashAlgorithm: 'sha512', hashValue: 'ffee', locations: { direct_url: 'x' } },
    };
    const policy = policyOf({ get_image });
    expect(policy.allows('get_image', credentialsOf(identity()), targetOf(image))).toBe(allowed);
  });

  it('gives the id as its source writes it', () => {
    const shownId = IMAGE.id.toUpperCase();
    expect(targetOf({ ...IMAGE, shownId })).toMatchObject({ id: shownId, image_id: shownId });
  });

  it('lets no property replace an attribute', () => {
    const target = targetOf({ ...IMAGE, properties: { project_id: 'p2', member_id: 'p2', id: 'x' } });
    expect(target).toMatchObject({ project_id: 'p1', member_id: null, id: IMAGE.id });
  });

  it("makes the caller's project the member of a shared image of another", () => {
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
