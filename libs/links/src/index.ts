/**
 * Links of documents in OpenStack's Compute API, and the base URL they are built on.
 *
 * @module @glimpse/links
 */
export * from './base-url.js';
export * from './links.js';
