/** Under these the composition root provides what controllers and guards are built from. */
export const HEALTH = Symbol('Health');
export const IMAGE_EXTENSIONS = Symbol('ImageExtension[]');
export const SETTINGS = Symbol('EffectiveSettings');
export const TELEMETRY = Symbol('Telemetry');
