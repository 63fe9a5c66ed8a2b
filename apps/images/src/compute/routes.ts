/** The beginnings that every route of this face has: each API version, with the project's id or without. */
export const FACE = ['v2.1', 'v2'].flatMap((version) => [version, `${version}/:project_id`]);

/** The last microversions that have the routes of images, and those of their metadata. */
export const IMAGES_UNTIL = '2.35';
export const METADATA_UNTIL = '2.38';
