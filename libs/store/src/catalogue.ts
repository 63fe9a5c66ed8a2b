import type { Catalogue, OnImagesChanged } from '@glimpse/domain';
import type { Database } from './connection/database.js';
import type { Availability } from './connection/unavailable.js';
import { StoredImageEditor } from './images/stored-image-editor.js';
import { StoredImageReader } from './images/stored-image-reader.js';
import { StoredImageWriter } from './images/stored-image-writer.js';
import { StoredImageLister } from './lists/stored-image-lister.js';

/**
 * The catalogue in PostgreSQL.
 *
 * @param isMirror whether its images are those of a source
 */
export function storedCatalogue(
  database: Database,
  availability?: Availability,
  onChanged?: OnImagesChanged,
  isMirror?: boolean,
): Catalogue {
  const reader = new StoredImageReader(database, availability, isMirror);
  return {
    reader,
    current: reader,
    lister: new StoredImageLister(database, availability),
    writer: new StoredImageWriter(database, availability, onChanged),
    editor: isMirror ? undefined : new StoredImageEditor(database, availability, onChanged),
  };
}
