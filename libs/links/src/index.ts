export * from './base-url.js';
export * from './links.js';
