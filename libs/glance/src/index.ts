/**
 * A client of Glance, and what follows one.
 *
 * @module @glimpse/glance
 */
export { BadDocument, membersOf, shown } from './documents/bad-document.js';
export { readImageDocument, readMemberDocuments } from './documents/image-document.js';
