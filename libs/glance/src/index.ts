/**
 * A client of Glance.
 *
 * @module @glimpse/glance
 */
export { createGlanceSource } from './client/glance-source.js';
export { VIA, hasOwnVia } from './client/via.js';
export { GlanceOptions } from './client/options.js';
export { BadDocument, membersOf, printableValue } from './documents/bad-document.js';
export { readImageDocument, readMemberDocuments } from './documents/image-document.js';
export {
  responseEffect,
  type Comparison,
  type ImageApiResponse,
  type ResponseEffect,
} from './documents/response-effect.js';
