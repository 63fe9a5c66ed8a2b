export * from './cache/cached-catalogue.js';
export * from './cache/notices.js';
export * from './catalogue.js';
export * from './database.js';
export * from './import.js';
export * from './migrate.js';
export * from './purge.js';
export * from './unavailable.js';
