/**
 * Images, which callers may see and change them, and how they are read and written.
 *
 * @module @glimpse/domain
 */
export * from './access.js';
export * from './catalogue.js';
export * from './criteria.js';
export * from './errors.js';
export * from './event-loop.js';
export * from './identity.js';
export * from './image-attributes.js';
export * from './image-editor.js';
export * from './image-reader.js';
export * from './image-writer.js';
export * from './image.js';
export * from './list-audience.js';
export * from './mirror.js';
export * from './page-cache.js';
export * from './pending-changes.js';
export * from './printable.js';
export * from './python.js';
export * from './quotas.js';
export * from './shared-runs.js';
export * from './source-documents.js';
export * from './source.js';
export * from './text.js';
export * from './uuid.js';
