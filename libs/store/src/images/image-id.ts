import { ImageNotFound } from '@glimpse/domain';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text is a UUID as Nova spells it. PostgreSQL accepts more spellings. */
export function isImageId(text: string): boolean {
  return UUID.test(text);
}

/** An id as it is stored. @throws {ImageNotFound} it is no UUID */
export function storedIdOf(id: string): string {
  if (!isImageId(id)) throw new ImageNotFound(id);
  return id.toLowerCase();
}
