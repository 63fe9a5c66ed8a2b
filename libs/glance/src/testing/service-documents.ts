import type { SourceDocument, SourceDocumentName } from '@glimpse/domain';

const MEMBER = {
  name: 'member',
  properties: { member_id: { type: 'string' }, image_id: { type: 'string' }, status: { type: 'string' } },
};

/** The versions of a Glance 25.1 with named stores. */
const VERSIONS = [
  ...['2.15', '2.13', '2.12', '2.11', '2.10', '2.9', '2.8', '2.7'],
  ...['2.6', '2.5', '2.4', '2.3', '2.2', '2.1', '2.0'],
];

/**
 * The documents of a Glance 25.1 with one named store; of each schema only a part.
 *
 * @param url the address at which Glance believes to be
 */
export function serviceDocuments(url: string): Record<SourceDocumentName, SourceDocument> {
  const links = [{ rel: 'self', href: `${url}/v2/` }];
  const versions = VERSIONS.map((version, at) => ({
    id: `v${version}`,
    status: at === 0 ? 'CURRENT' : 'SUPPORTED',
    links,
  }));
  const image = {
    name: 'image',
    properties: { id: { type: 'string' } },
    additionalProperties: { type: 'string' },
  };
  const methods = ['glance-direct', 'web-download', 'copy-image'];
  return {
    versions: { versions },
    'schemas/image': image,
    'schemas/images': { name: 'images', properties: { images: { type: 'array', items: image } } },
    'schemas/member': MEMBER,
    'schemas/members': { name: 'members', properties: { members: { type: 'array', items: MEMBER } } },
    'info/import': {
      'import-methods': { description: 'Import methods available.', type: 'array', value: methods },
    },
    'info/stores': { stores: [{ id: 'fast', default: 'true' }, { id: 'slow' }] },
  };
}
