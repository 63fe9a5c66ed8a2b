/**
 * Option classes: decorators that declare what is allowed, and a reader whose errors name the option, the value and
 * what is allowed.
 *
 * @module @glimpse/options
 */
export {
  HttpUrl,
  Matching,
  Nested,
  OneOf,
  Optional,
  Secret,
  Text,
  TrueOrFalse,
  WholeNumber,
} from './decorators.js';
export { InvalidOptions } from './invalid-options.js';
export { oneLine } from './one-line.js';
export { readOptions } from './read-options.js';
