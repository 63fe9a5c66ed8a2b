import { loadPolicy } from '@glimpse/auth';
import { MemberNotFound, SourceUnavailable, type Catalogue, type Identity } from '@glimpse/domain';
import { imageOf, membersOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import { ImageAccess } from './image-access.js';
import { MemberAccess, NotShared } from './image-members.js';
import { imageRules } from './image-rules.js';

const OWNER: Identity = {
  userId: 'u',
  userName: 'u',
  scope: { kind: 'project', id: 'owner', name: 'owner' },
  roles: [],
  accessRules: null,
  expiresAt: null,
  service: false,
};
const SHARED = imageOf({ visibility: 'shared', members: membersOf({ one: 'pending', two: 'accepted' }) });

function membersOfImage(image = SHARED, filled = true): MemberAccess {
  const reader = { image: () => Promise.resolve({ source: 'copy' as const, age: 7, value: image }) };
  const catalogue = { reader } as Partial<Catalogue> as Catalogue;
  const access = new ImageAccess(catalogue, loadPolicy({ defaults: imageRules('own') }));
  return new MemberAccess(access, () => Promise.resolve(filled));
}

describe('the members of an image', () => {
  it('are read with the age of the image', async () => {
    const { value, ...reading } = await membersOfImage().list(SHARED.id, OWNER, {});
    expect(reading).toEqual({ source: 'copy', age: 7 });
    expect(value.members.map(([project]) => project)).toEqual(['one', 'two']);
    const { value: one } = await membersOfImage().read(SHARED.id, 'TWO', OWNER, {});
    expect(one).toMatchObject({ project: 'two', member: { status: 'accepted' } });
  });

  it('are those of shared images alone', async () => {
    const members = membersOfImage({ ...SHARED, visibility: 'private' });
    await expect(members.list(SHARED.id, OWNER, {})).rejects.toThrow(NotShared);
    await expect(members.read(SHARED.id, 'one', OWNER, {})).rejects.toThrow(MemberNotFound);
  });

  it('are unavailable while a mirror does not have all their attributes', async () => {
    const members = membersOfImage(SHARED, false);
    await expect(members.list(SHARED.id, OWNER, {})).rejects.toThrow(SourceUnavailable);
    await expect(members.read(SHARED.id, 'one', OWNER, {})).rejects.toThrow(SourceUnavailable);
  });
});
