/**
 * Synchronisation of a catalogue with a source of images, and the catalogue that reads and changes them through it.
 *
 * @module @glimpse/mirror
 */
export { DueChanges } from './changes/due-changes.js';
export { DueImageReader } from './changes/due-image-reader.js';
export { MirroredChanges, type MirroredChangesOptions } from './changes/mirrored-changes.js';
export type { SourceChange, SourceChanges, SourceResponse } from './changes/source-changes.js';
export { compareCatalogues } from './follower/compare.js';
export { Follower, type FollowerOptions } from './follower/follower.js';
export { AllAttributesCatalogue } from './mirror/all-attributes-catalogue.js';
export { MirroredDocuments } from './mirror/mirrored-documents.js';
export { StalenessCatalogue } from './mirror/staleness-catalogue.js';
export { SyncStatusReader } from './mirror/sync-status-reader.js';
export { MirroredImageReader, type MirroredImageReaderOptions } from './mirror/mirrored-image-reader.js';
export { MirroredImageWriter, type MirroredImageWriterOptions } from './mirror/mirrored-image-writer.js';
export type { MirrorObservations, ObserveMirror } from './observations.js';
