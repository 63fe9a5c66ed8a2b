/** The beginnings that every route of the Compute API has: each API version, with the project's id or without. */
export const ROUTE_PREFIXES = ['v2.1', 'v2'].flatMap((version) => [version, `${version}/:project_id`]);

/** The last microversions that have the routes of images, and those of their metadata. */
export const IMAGES_UNTIL = '2.35';
export const METADATA_UNTIL = '2.38';
