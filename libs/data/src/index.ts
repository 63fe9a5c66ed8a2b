/**
 * Stores of image data.
 *
 * @module @glimpse/data
 */
export { Digest, type Measured } from './digest.js';
export { DataUnavailable, StoreFull } from './errors.js';
export { FileStore, type FileStoreOptions } from './file-store.js';
export type { Inspection } from './head.js';
export { HEAD_BYTES, inspectHead } from './inspection.js';
export type { ByteRange, ImageData, ListedObject } from './image-data.js';
