import { IMAGE_STATUSES, type Image } from '@glimpse/domain';
import type { LinkBase } from '@glimpse/links';
import type { ImageExtension } from '@glimpse/plugins';
import { imageOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import {
  OWN_ATTRIBUTES,
  briefImageView,
  detailedImageView,
  imageView,
  statusesShownAs,
} from './image.view.js';

const ID = '70a599e0-31e7-49b7-b260-868f441e862b';

const image: Image = imageOf({
  id: ID,
  name: 'fakeimage7',
  owner: 'p',
  size: 74185822,
  minDisk: 1,
  minRam: 2,
  properties: { architecture: 'x86_64' },
  createdAt: new Date('2011-01-01T01:02:03.999Z'),
  updatedAt: new Date('2011-01-02T00:00:00Z'),
});

const base: LinkBase = { compute: 'http://c', image: 'http://g', version: 'v2.1', project: undefined };

function extension(name: string, position?: ImageExtension['position']): ImageExtension {
  const described = { alias: name, name, namespace: '', updated: '', description: '' };
  return { ...described, ...(position && { position }), attributes: () => ({ [name]: true }) };
}

type Shown = { image: Record<string, unknown> };
const show = (changes: Partial<Image>, extensions: readonly ImageExtension[] = []) =>
  (imageView({ ...image, ...changes }, base, extensions) as Shown).image;

describe('imageView', () => {
  it("writes an image in Nova's order, and nothing of what only Glance shows", () => {
    const properties = { instance_uuid: 's' };
    const shown = show({ properties }, [extension('late'), extension('early', 'before-links')]);
    expect(Object.keys(shown)).toEqual([
      ...['id', 'name', 'minRam', 'minDisk', 'metadata', 'created', 'updated', 'status', 'progress'],
      ...['early', 'links', 'server', 'late'],
    ]);
    expect(shown).toMatchObject({ id: ID, name: 'fakeimage7', minRam: 2, minDisk: 1, metadata: properties });
  });

  it('names all of its own attributes, for no extension may give them', () => {
    expect([...OWN_ATTRIBUTES]).toEqual(Object.keys(show({ properties: { instance_uuid: 's' } })));
  });

  it('cuts times to seconds', () => {
    expect(show({})).toMatchObject({ created: '2011-01-01T01:02:03Z', updated: '2011-01-02T00:00:00Z' });
  });

  it('leaves out neither a name nor a time that is null', () => {
    expect(show({ name: null, updatedAt: null })).toMatchObject({ name: null, updated: null });
  });

  it.each([
    ['active', 'ACTIVE', 100],
    ['queued', 'SAVING', 25],
    ['saving', 'SAVING', 50],
    ['deleted', 'DELETED', 0],
    ['pending_delete', 'DELETED', 0],
    ['killed', 'ERROR', 0],
    ['deactivated', 'UNKNOWN', 0],
    ['importing', 'UNKNOWN', 0],
    ['uploading', 'UNKNOWN', 0],
  ] as const)('shows the status %s as %s, at %i percent', (status, shown, progress) => {
    expect(show({ status })).toMatchObject({ status: shown, progress });
  });

  it('names the server that an image was made from, whatever it is called', () => {
    expect(show({ properties: { instance_uuid: 'a/b' } })['server']).toMatchObject({
      id: 'a/b',
      links: [{ href: 'http://c/v2.1/servers/a%2Fb' }, { href: 'http://c/servers/a%2Fb' }],
    });
    expect(show({ properties: { instance_uuid: '' } })).toHaveProperty('server');
    expect(show({})).not.toHaveProperty('server');
  });

  it('lets the later of two extensions have an attribute', () => {
    const other = { ...extension('x'), attributes: () => ({ x: 'other' }) };
    expect(show({}, [extension('x'), other])).toMatchObject({ x: 'other' });
  });
});

describe('the views of lists', () => {
  it('have all attributes of each image, or just its name', () => {
    const extensions = [extension('x')];
    expect(detailedImageView(image, base, extensions)).toEqual(show({}, extensions));
    expect(briefImageView(image, base)).toEqual({ id: ID, name: 'fakeimage7', links: show({})['links'] });
  });
});

describe('statusesShownAs', () => {
  it('is the inverse of the status shown, and finds each status once', () => {
    const shown = ['ACTIVE', 'SAVING', 'DELETED', 'ERROR', 'UNKNOWN'];
    expect(shown.flatMap(statusesShownAs).sort()).toEqual([...IMAGE_STATUSES].sort());
    for (const status of shown) {
      for (const stored of statusesShownAs(status)) expect(show({ status: stored })['status']).toBe(status);
    }
  });

  it.each(['active', 'Active', '', 'constructor'])('finds none for %j', (shown) => {
    expect(statusesShownAs(shown)).toEqual([]);
  });
});
