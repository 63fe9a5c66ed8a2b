/** The beginnings that every route of this face has: each API version, with the project's id or without. */
export const FACE = ['v2.1', 'v2'].flatMap((version) => [version, `${version}/:project_id`]);
