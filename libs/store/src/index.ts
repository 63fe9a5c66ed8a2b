export * from './cache/cached-catalogue.js';
export * from './cache/notices.js';
export { StoredCatalogue } from './catalogue.js';
export * from './database.js';
export { importImages, importMembers, type ImportOutcome } from './import.js';
export * from './migrate.js';
export * from './mirror/stored-mirror.js';
export * from './purge.js';
export * from './unavailable.js';
