export * from './contract.js';
export * from './load.js';
export * from './options.js';
