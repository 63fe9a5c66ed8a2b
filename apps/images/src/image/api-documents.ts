import { DomainError, type SourceDocument, type SourceDocumentName } from '@glimpse/domain';
import type { EffectiveSettings } from '../settings/settings.js';
import { importMethodsOf } from './data/import-body.js';
import { schemasOf } from './schemas/schemas.js';

/** The injection token of {@link ApiDocuments}. */
export const API_DOCUMENTS = Symbol('ApiDocuments');

/** The documents in which the API describes itself: those of the source in a mirror, or this service's own. */
export interface ApiDocuments {
  /**
   * @returns null where there is no document of this name
   * @throws {CatalogueUnavailable}
   */
  read(name: SourceDocumentName): Promise<SourceDocument>;
}

/** The API has no such document. */
class DocumentNotFound extends DomainError {
  readonly code = 'document-not-found';

  constructor(name: SourceDocumentName) {
    super(`This service has no ${name}.`);
  }
}

/** @throws {DocumentNotFound} {CatalogueUnavailable} */
export async function requireDocument(documents: ApiDocuments, name: SourceDocumentName): Promise<object> {
  const document = await documents.read(name);
  if (document === null) throw new DocumentNotFound(name);
  return document;
}

/**
 * The versions of a catalogue of its own. Glance has further ones, from 2.8 to 2.14, for several stores and for its
 * cache of image data.
 */
const VERSIONS = ['2.15', '2.9', '2.7', '2.6', '2.5', '2.4', '2.3', '2.2', '2.1', '2.0'].map(
  (version, index) => ({
    id: `v${version}`,
    status: index === 0 ? 'CURRENT' : 'SUPPORTED',
    links: [{ rel: 'self', href: '/v2/' }],
  }),
);

/** The documents of a catalogue of its own. It has one store at most, and so no list of several. */
export function ownDocuments({ image, data }: Pick<EffectiveSettings, 'image' | 'data'>): ApiDocuments {
  const schemas = schemasOf(image);
  const methods = [...importMethodsOf(data)];
  const documents: Readonly<Record<SourceDocumentName, SourceDocument>> = {
    versions: { versions: VERSIONS },
    'schemas/image': schemas.image,
    'schemas/images': schemas.images,
    'schemas/member': schemas.member,
    'schemas/members': schemas.members,
    'info/import': {
      'import-methods': { description: 'Import methods available.', type: 'array', value: methods },
    },
    'info/stores': null,
  };
  return { read: (name) => Promise.resolve(documents[name]) };
}
