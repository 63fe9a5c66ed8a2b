/** The prefixes of every route of the Compute API: each API version, with the project's id or without. */
export const ROUTE_PREFIXES = ['v2.1', 'v2'].flatMap((version) => [version, `${version}/:project_id`]);

/** The last microversions that have the routes of images, and those of their metadata. */
export const IMAGES_LAST = '2.35';
export const METADATA_LAST = '2.38';
