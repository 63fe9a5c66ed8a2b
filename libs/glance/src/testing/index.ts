/**
 * A Glance for the tests of what follows one.
 *
 * @module @glimpse/glance/testing
 */
export { FakeGlance, type GlanceBehaviour, type GlanceCall, type GlanceSettings } from './fake-glance.js';
export type { ImageDocument, TokenHolder } from './image-api.js';
export { ODDITIES } from './oddities.js';
