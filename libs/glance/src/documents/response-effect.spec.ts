import { sourceImageOf, membersOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import type { Member, SourceImage } from '@glimpse/domain';
import { responseEffect, type ImageApiResponse } from './response-effect.js';

const ID = '70a599e0-31e7-49b7-b260-868f441e862b';
const IMAGE = `/v2/images/${ID}`;
const SHOWN = {
  ...{ id: ID, name: 'new', status: 'active', visibility: 'shared', owner: 'p1', tags: ['a'] },
  ...{ created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-02T00:00:00Z', os_distro: 'debian' },
};

const STORED: SourceImage = sourceImageOf({
  ...{ id: ID, name: 'new', status: 'active', visibility: 'shared', owner: 'p1', tags: ['a'] },
  ...{ size: null, properties: { os_distro: 'debian' } },
  ...{ diskFormat: null, containerFormat: null, checksum: null, hashAlgorithm: null, hashValue: null },
  ...{ virtualSize: null, minDisk: 0, minRam: 0, protected: false },
  updatedAt: new Date('2026-01-02T00:00:00Z'),
});

function compared(
  response: Partial<ImageApiResponse>,
  image: Partial<SourceImage>,
  members: Record<string, Member['status']> = {},
): string {
  const effect = responseEffect({ method: 'PUT', path: IMAGE, status: 204, ...response });
  return effect.kind === 'changed'
    ? effect.compare({ ...STORED, ...image }, membersOf(members))
    : effect.kind;
}

describe('a response of the Image API', () => {
  it.each([
    ['DELETE', IMAGE, 204, { kind: 'removed', imageId: ID }],
    ['DELETE', `/v2.15/images/${ID.toUpperCase()}`, 204, { kind: 'removed', imageId: ID }],
    ['DELETE', IMAGE, 409, { kind: 'none' }],
    ['PATCH', IMAGE, 404, { kind: 'none' }],
    ['PUT', `${IMAGE}/file`, 502, { kind: 'unknown' }],
  ])('to %s %s with %i has an effect', (method, path, status, effect) => {
    expect(responseEffect({ method, path, status })).toEqual(effect);
  });

  it('names the image that was created, and of other paths none', () => {
    const created = responseEffect({ method: 'POST', path: '/v2/images', status: 201, body: SHOWN });
    expect(created).toMatchObject({ kind: 'changed', imageId: ID });
    const other = responseEffect({ method: 'DELETE', path: `/v2/stores/fast/${ID}`, status: 204 });
    expect(other).toMatchObject({ kind: 'changed', imageId: undefined });
  });

  it('with a document is shown by equal attributes, or a later time', () => {
    const patched = { method: 'PATCH', status: 200, body: SHOWN };
    expect(compared(patched, {})).toBe('shown');
    expect(compared(patched, { name: 'old' })).toBe('older');
    expect(compared(patched, { name: 'other', updatedAt: new Date('2026-01-02T00:00:01Z') })).toBe('shown');
    expect(compared(patched, { updatedAt: new Date('2026-01-01T23:59:59Z') })).toBe('older');
    expect(compared(patched, { properties: { os_distro: 'old' } })).toBe('older');
    expect(compared(patched, { properties: {} })).toBe('older');
    // A property that the caller may not read, or that the change has removed.
    expect(compared(patched, { properties: { os_distro: 'debian', secret: 'x' } })).toBe('unclear');
    expect(compared({ ...patched, body: 'no document' }, {})).toBe('unclear');
  });

  it.each<[string, string, Partial<SourceImage>, Partial<SourceImage>]>([
    ['PUT', '/tags/b', { tags: ['a', 'b'] }, { tags: ['a'] }],
    ['DELETE', '/tags/a', { tags: [] }, { tags: ['a'] }],
    ['PUT', '/file', { status: 'active' }, { status: 'saving' }],
    ['PUT', '/stage', { status: 'uploading' }, { status: 'queued' }],
    ['POST', '/actions/deactivate', { status: 'deactivated' }, { status: 'active' }],
    ['POST', '/actions/reactivate', { status: 'active' }, { status: 'deactivated' }],
  ])('to %s %s is shown by its sign', (method, end, shown, older) => {
    expect(compared({ method, path: IMAGE + end }, shown)).toBe('shown');
    expect(compared({ method, path: IMAGE + end }, older)).toBe('older');
  });

  it('about a member is shown by its status, or a later one', () => {
    const accepted = {
      ...{ method: 'PUT', path: `${IMAGE}/members/p2`, status: 200 },
      body: { member_id: 'p2', status: 'accepted', updated_at: '2026-01-02T00:00:00Z' },
    };
    expect(compared(accepted, {}, { p2: 'accepted' })).toBe('shown');
    expect(compared(accepted, {}, { p2: 'pending' })).toBe('older');
    expect(compared(accepted, {})).toBe('older');
    expect(compared(accepted, { visibility: 'private' })).toBe('shown');
    const taken = { method: 'DELETE', path: `${IMAGE}/members/p2` };
    expect(compared(taken, {}, { p3: 'accepted' })).toBe('shown');
    expect(compared(taken, {}, { p2: 'accepted' })).toBe('older');
  });

  it('about an import is shown once its task is, and else may be', () => {
    const imported = { method: 'POST', path: `${IMAGE}/import`, status: 202 };
    expect(compared(imported, { status: 'importing' })).toBe('shown');
    expect(compared(imported, { status: 'queued', properties: { os_glance_import_task: 'x' } })).toBe(
      'shown',
    );
    expect(compared(imported, { status: 'queued' })).toBe('unclear');
    expect(compared({ method: 'POST', path: `${IMAGE}/locations`, status: 200 }, {})).toBe('unclear');
  });
});
