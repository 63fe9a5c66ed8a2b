import {
  CatalogueUnavailable,
  ImageNotFound,
  canSee,
  type Catalogue,
  type Image,
  type ImageStatus,
  type MemberStatus,
  type Reading,
  type Viewer,
  type Visibility,
} from '@glimpse/domain';
import type { Database } from './database.js';
import type { Image as ImageRow, Member as MemberRow } from './generated/client.js';
import { isUnavailable } from './unavailable.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The catalogue as it stands in PostgreSQL. */
export class StoredCatalogue implements Catalogue {
  constructor(
    private readonly database: Database,
    /** Hears why the database could not be asked. */
    private readonly onUnavailable: (error: unknown) => void,
  ) {}

  async image(id: string, viewer: Viewer): Promise<Reading<Image>> {
    // PostgreSQL takes more spellings of a UUID than Nova does.
    if (!UUID.test(id)) throw new ImageNotFound(id);
    const row = await this.findRow(id.toLowerCase());
    const image = row && imageOf(row);
    if (!image || !canSee(image, viewer)) throw new ImageNotFound(id);
    return { source: 'fresh', value: image };
  }

  /** Served by the primary keys of `images` and `members`. */
  private async findRow(id: string): Promise<(ImageRow & { members: MemberRow[] }) | null> {
    try {
      return await this.database.prisma.image.findUnique({
        where: { id, deletedAt: null },
        include: { members: true },
      });
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.onUnavailable(error);
      throw new CatalogueUnavailable({ cause: error });
    }
  }
}

function imageOf(row: ImageRow & { members: MemberRow[] }): Image {
  return {
    id: row.id,
    version: row.version,
    name: row.name,
    status: row.status as ImageStatus,
    visibility: row.visibility as Visibility,
    hidden: row.hidden,
    owner: row.owner,
    protected: row.protected,
    size: row.size === null ? null : Number(row.size),
    minDisk: row.minDisk,
    minRam: row.minRam,
    properties: row.properties as Record<string, string>,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    members: new Map(row.members.map(({ member, status }) => [member, status as MemberStatus])),
  };
}
