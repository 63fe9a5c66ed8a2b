import { ImageNotFound, isUuid } from '@glimpse/domain';

/** An id as it is stored. PostgreSQL accepts more spellings of a UUID than Nova. @throws {ImageNotFound} it is no UUID */
export function storedIdOf(id: string): string {
  if (!isUuid(id)) throw new ImageNotFound(id);
  return id.toLowerCase();
}
