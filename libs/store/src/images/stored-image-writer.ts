import {
  ImageNotFound,
  ImageProtected,
  VersionLost,
  countedProperties,
  requireApplicable,
  type ChangeOptions,
  type Image,
  type ImageChange,
  type ImageWriter,
  type OnImagesChanged,
} from '@glimpse/domain';
import type { Database } from '../connection/database.js';
import type { Availability } from '../connection/unavailable.js';
import { write } from '../connection/write.js';
import type { Statement } from '../statement.js';
import {
  audienceOfRow,
  changeStatement,
  deleteStatement,
  type DeletedRow,
  type PropertiesRow,
} from './change.js';
import { storedIdOf } from './image-id.js';

/** Changes images in PostgreSQL, each by one statement. */
export class StoredImageWriter implements ImageWriter {
  constructor(
    private readonly database: Database,
    private readonly availability: Availability = {},
    private readonly onChanged: OnImagesChanged = () => undefined,
  ) {}

  async change(
    id: string,
    { properties: change }: ImageChange,
    { version }: ChangeOptions = {},
  ): Promise<Image['properties']> {
    const key = storedIdOf(id);
    const [row] = await this.#write<PropertiesRow>(changeStatement(key, change, version));
    if (!row) throw new ImageNotFound(id);
    const { before, after } = row;
    requireApplicable(change, before, countedProperties(after));
    if (version !== undefined && BigInt(row.version) !== version) throw new VersionLost();
    this.onChanged([key], audienceOfRow(row));
    return after;
  }

  async delete(id: string, { version }: ChangeOptions = {}): Promise<void> {
    const key = storedIdOf(id);
    const [row] = await this.#write<DeletedRow>(deleteStatement(key, version));
    if (!row) throw new ImageNotFound(id);
    if (row.protected) throw new ImageProtected(id);
    if (version !== undefined && BigInt(row.version) !== version) throw new VersionLost();
    this.onChanged([key], audienceOfRow(row));
  }

  #write<Row extends object>(statement: Statement): Promise<Row[]> {
    return write(this.database, statement, this.availability);
  }
}
