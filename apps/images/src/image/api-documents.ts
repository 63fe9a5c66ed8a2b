import { DomainError, type SourceDocument, type SourceDocumentName } from '@glimpse/domain';
import type { EffectiveSettings } from '../settings/settings.js';
import { importMethodsOf } from './data/import-body.js';
import { storesDocument } from './info/stores-document.js';
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

/** The versions of a catalogue of its own. 2.14 and 2.16 are those of a Glance with a cache of image data. */
const VERSIONS = ['2.15', '2.9', '2.7', '2.6', '2.5', '2.4', '2.3', '2.2', '2.1', '2.0'];

/** The same with several stores. */
const VERSIONS_WITH_STORES = VERSIONS.toSpliced(1, 1, '2.13', '2.12', '2.11', '2.10', '2.9', '2.8');

const versionsDocument = (versions: readonly string[]): SourceDocument => ({
  versions: versions.map((version, at) => ({
    id: `v${version}`,
    status: at === 0 ? 'CURRENT' : 'SUPPORTED',
    links: [{ rel: 'self', href: '/v2/' }],
  })),
});

/** The documents of a catalogue of its own. Stores are listed where they have names. */
export function ownDocuments({ image, data }: Pick<EffectiveSettings, 'image' | 'data'>): ApiDocuments {
  const schemas = schemasOf(image);
  const methods = [...importMethodsOf(data)];
  const stores = storesDocument(data);
  const documents: Readonly<Record<SourceDocumentName, SourceDocument>> = {
    versions: versionsDocument(stores ? VERSIONS_WITH_STORES : VERSIONS),
    'schemas/image': schemas.image,
    'schemas/images': schemas.images,
    'schemas/member': schemas.member,
    'schemas/members': schemas.members,
    'info/import': {
      'import-methods': { description: 'Import methods available.', type: 'array', value: methods },
    },
    'info/stores': stores,
  };
  return { read: (name) => Promise.resolve(documents[name]) };
}
