/**
 * What an image is, who may see it and whose it is to change.
 *
 * @module @glimpse/domain
 */
export * from './access.js';
export * from './catalogue.js';
export * from './criteria.js';
export * from './errors.js';
export * from './identity.js';
export * from './image.js';
export * from './image-attributes.js';
export * from './image-reader.js';
export * from './image-writer.js';
export * from './mirror.js';
export * from './printable.js';
export * from './properties.js';
export * from './source.js';
export * from './text.js';
export * from './uuid.js';
