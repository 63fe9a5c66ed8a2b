/**
 * Stores of image data.
 *
 * @module @glimpse/data
 */
export { Digest, type Measured } from './digest.js';
export { FileStore, type FileStoreOptions } from './file-store.js';
export type { Inspection } from './head.js';
export { HEAD_BYTES, inspectHead } from './inspection.js';
export { openS3Store, type S3StoreOptions } from './s3/open-s3-store.js';
