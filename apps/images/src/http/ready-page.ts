import type { PageDocument } from '@glimpse/domain';
import { entityTagOf } from './image-documents.js';

/** A page of a list, ready to be sent. */
export function readyPage(body: Buffer): PageDocument {
  return { bytes: body.toString('latin1'), tag: entityTagOf(body) };
}
