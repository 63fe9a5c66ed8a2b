/**
 * Synchronisation of a catalogue with a source of images, and the catalogue that reads and changes them through it.
 *
 * @module @glimpse/mirror
 */
export { compareCatalogues } from './follower/compare.js';
export { Follower, type FollowerOptions } from './follower/follower.js';
export { DatedCatalogue } from './mirror/dated-catalogue.js';
export { LastLook } from './mirror/last-look.js';
export { MirroredCatalogue, type MirroredCatalogueOptions } from './mirror/mirrored-catalogue.js';
export type { MirrorObservations, ObserveMirror } from './observations.js';
