/**
 * Stores of image data.
 *
 * @module @glimpse/data
 */
export { Digest, type Measured } from './digest.js';
export { FileStore, WRITE_BYTES as FILE_WRITE_BYTES, type FileStoreOptions } from './file-store.js';
export type { Inspection } from './head.js';
export { HEAD_BYTES, inspectHead } from './inspection.js';
export { PART_BYTES as S3_PART_BYTES, PARTS_AT_A_TIME as S3_PARTS_AT_A_TIME } from './s3/upload.js';
export { openS3Store, type S3StoreOptions } from './s3/open-s3-store.js';
