/**
 * A client of Glance, and what follows one.
 *
 * @module @glimpse/glance
 */
export { createGlanceSource } from './client/glance-source.js';
export { GlanceOptions } from './client/options.js';
export { BadDocument, membersOf, shown } from './documents/bad-document.js';
export { readImageDocument, readMemberDocuments } from './documents/image-document.js';
export { compareCatalogues } from './follower/compare.js';
export { Follower, type FollowerOptions } from './follower/follower.js';
export { MirroredCatalogue, type MirroredCatalogueOptions } from './mirror/mirrored-catalogue.js';
export type { MirrorObservations, ObserveMirror } from './observations.js';
export { DatedCatalogue } from './mirror/dated-catalogue.js';
export { LastLook } from './mirror/last-look.js';
