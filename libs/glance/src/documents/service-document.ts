import { SourceUnavailable, type SourceDocument, type SourceDocumentName } from '@glimpse/domain';
import type { HttpResponse } from '@glimpse/http-client';
import { unexpected } from '../client/refusals.js';

/** Characters of a document in JSON. An operator's own schema has some thousands more than Glance's 8,000. */
const MAX_DOCUMENT_LENGTH = 1_048_576;

/**
 * Reads a response to the request for a document of the service itself. Glance says what it offers by whether it has a
 * document: one with a single store has no list of stores.
 *
 * @throws {SourceUnavailable}
 */
export function readServiceDocument(name: SourceDocumentName, answer: HttpResponse): SourceDocument {
  const { status, document } = answer;
  if (status === 404 && name.startsWith('info/')) return null;
  // The versions are the choices of a client.
  if (status !== 200 && !(status === 300 && name === 'versions')) throw unexpected(answer);
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new SourceUnavailable(`its answer is no document ${name}`);
  }
  if (name === 'versions' && !hasVersions(document)) {
    throw new SourceUnavailable('its answer has no versions');
  }
  if (JSON.stringify(document).length > MAX_DOCUMENT_LENGTH) {
    throw new SourceUnavailable(`its document ${name} is longer than ${MAX_DOCUMENT_LENGTH} characters`);
  }
  return document as SourceDocument;
}

/** Whether it is a list of versions, each with links. */
function hasVersions({ versions }: { versions?: unknown }): boolean {
  return (
    Array.isArray(versions) &&
    versions.every((version: { links?: unknown } | null) => {
      const links = version?.links;
      return (
        Array.isArray(links) &&
        links.every((link: { href?: unknown } | null) => typeof link?.href === 'string')
      );
    })
  );
}
