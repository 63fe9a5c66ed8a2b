/**
 * A Glance for the tests of what follows one.
 *
 * @module @glimpse/glance/testing
 */
export { FakeGlance, type GlanceBehaviour, type GlanceCall } from './fake-glance.js';
export type { ImageDocument, TokenHolder } from './image-api.js';
