import type { OnImagesChanged } from '@glimpse/domain';
import type { Database } from '../connection/database.js';
import type { Availability } from '../connection/unavailable.js';
import { write } from '../connection/write.js';
import { storedIdOf } from '../images/image-id.js';

/** Runs statements over objects and their images. All methods throw `CatalogueUnavailable`. */
export class ObjectStatements {
  /** @param onChanged called with the images that a statement has changed */
  constructor(
    private readonly database: Database,
    private readonly availability: Availability,
    readonly onChanged: OnImagesChanged,
  ) {}

  run<Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    return write(this.database, { name, text, values }, this.availability);
  }

  /** Runs a statement that returns a row if it changes an image; returns whether it has. */
  async change(image: string, name: string, text: string, values: unknown[]): Promise<boolean> {
    const changed = (await this.run(name, text, values)).length > 0;
    if (changed) this.onChanged([storedIdOf(image)]);
    return changed;
  }
}
