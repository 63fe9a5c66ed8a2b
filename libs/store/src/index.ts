export * from './cache/cached-image-reader.js';
export { CachedPages, type PageCacheOptions } from './cache/cached-pages.js';
export * from './cache/change-notifications.js';
export * from './catalogue.js';
export { connect } from './connection/connections.js';
export * from './connection/database.js';
export { refusalIn } from './connection/refusal.js';
export type { Pooler } from './connection/session.js';
export * from './connection/unavailable.js';
export { BadDatabaseUrl, parseDatabaseUrl } from './connection/url.js';
export { importImages, importMembers, type ImportOutcome } from './images/import.js';
export * from './images/purge.js';
export * from './objects/stored-object-check.js';
export {
  StoredImageObjects,
  type CatalogueIdentity,
  type LastCheck,
  type LiveObject,
  type Reserved,
  type StoredData,
  type Upload,
  type Writing,
} from './objects/stored-image-objects.js';
export type {
  ImageImport,
  ImportRecord,
  ImportRequester,
  ImportStep,
  ImportedObject,
  StagedObject,
} from './objects/stored-imports.js';
export { StoredImageReader } from './images/stored-image-reader.js';
export { StoredImageLister } from './lists/stored-image-lister.js';
export * from './migrations/migrate.js';
export { inspectDatabase, type DatabaseFindings } from './migrations/requirements.js';
export { missingRights } from './migrations/rights.js';
export { SYNC_STATUS } from './mirror/statements.js';
export * from './mirror/stored-mirror.js';
export { PENDING_CHANNEL } from './mirror/pending-statements.js';
export { StoredPendingChanges, syncStatusOf, type SyncStatusRow } from './mirror/stored-pending-changes.js';
export { Semaphore } from './semaphore.js';
