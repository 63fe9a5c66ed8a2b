/** The documents in which a source describes its Image API to clients, by the path that each has there. */
export const SOURCE_DOCUMENTS = [
  'versions',
  'schemas/image',
  'schemas/images',
  'schemas/member',
  'schemas/members',
  'info/import',
  'info/stores',
] as const;
export type SourceDocumentName = (typeof SOURCE_DOCUMENTS)[number];

/** A document as its source sent it; null: the source has none of this name. */
export type SourceDocument = Readonly<Record<string, unknown>> | null;
