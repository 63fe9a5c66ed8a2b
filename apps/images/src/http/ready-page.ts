import type { PageDocument } from '@glimpse/domain';
import { entityTagOf } from './image-documents.js';
import { PIECE_BYTES } from './unread-responses.js';

/** A page of a list, ready to be sent: as text, which Node sends in one write with the head, or in pieces of a buffer. */
export function readyPage(body: Buffer): PageDocument {
  return { bytes: body.length <= PIECE_BYTES ? body.toString('latin1') : body, tag: entityTagOf(body) };
}
