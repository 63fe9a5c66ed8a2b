export * from './access.js';
export * from './catalogue.js';
export * from './criteria.js';
export * from './errors.js';
export * from './identity.js';
export * from './image.js';
export * from './properties.js';
export * from './text.js';
