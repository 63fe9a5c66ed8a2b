/** A service that shows images of its own: the rules of the domain, and links. */
import assert from 'node:assert/strict';
import { canSee, type Image, type Viewer } from '@glimpse/domain';
import { configuredBaseUrl, imageLinks, requestBaseUrl, type LinkBase } from '@glimpse/links';

const image: Image = {
  id: '70a599e0-31e7-49b7-b260-868f441e862b',
  shownId: '70a599e0-31e7-49b7-b260-868f441e862b',
  version: 1n,
  attributesCurrent: true,
  name: 'debian-13',
  status: 'active',
  visibility: 'private',
  hidden: false,
  owner: 'p1',
  protected: false,
  size: null,
  minDisk: 2,
  minRam: 512,
  diskFormat: 'qcow2',
  containerFormat: 'bare',
  checksum: null,
  hashAlgorithm: null,
  hashValue: null,
  virtualSize: null,
  tags: [],
  locations: null,
  properties: {},
  createdAt: new Date('2026-01-01T00:00:00Z'),
  updatedAt: null,
  members: new Map(),
};

function view({ id, name }: Image, base: LinkBase): object {
  return { id, name, links: imageLinks(base, id) };
}

const compute = configuredBaseUrl('') ?? requestBaseUrl('images.example.com', 'https');
const base: LinkBase = { compute, image: 'http://glance.example.com', version: 'v2.1', project: undefined };
const shown = (viewer: Viewer): object[] =>
  [image].filter((each) => canSee(each, viewer)).map((each) => view(each, base));

assert.deepEqual(shown({ project: 'p2', admin: false }), []);
assert.deepEqual(shown({ project: 'p1', admin: false }), [
  {
    id: image.id,
    name: 'debian-13',
    links: [
      { rel: 'self', href: `https://images.example.com/v2.1/images/${image.id}` },
      { rel: 'bookmark', href: `https://images.example.com/images/${image.id}` },
      {
        rel: 'alternate',
        type: 'application/vnd.openstack.image',
        href: `http://glance.example.com/images/${image.id}`,
      },
    ],
  },
]);
