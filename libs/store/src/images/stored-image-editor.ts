import {
  ImageExists,
  ImageNotFound,
  LimitExceeded,
  MEMBER_QUOTA,
  MemberExists,
  MemberNotFound,
  VersionLost,
  listAudienceOf,
  type EditableAttributes,
  type Image,
  type ImageEditor,
  type ListAudience,
  type Member,
  type MemberStatus,
  type NewImage,
  type OnImagesChanged,
} from '@glimpse/domain';
import type { Database } from '../connection/database.js';
import { orUnavailable, type Availability } from '../connection/unavailable.js';
import { write } from '../connection/write.js';
import type { Statement } from '../statement.js';
import { createStatement, creationOf, editStatement, type Creation } from './edit.js';
import { ImageCreations, type EditedRow } from './image-creations.js';
import { imageOf } from './image-columns.js';

/**
 * The number of members of an image, and whether a project is one of them. Served by the primary key of `members`.
 *
 * $1: the image's id; $2: the project.
 */
const COUNT_MEMBERS = `
  SELECT count(*)::integer AS count, coalesce(bool_or(member = $2), false) AS listed FROM members WHERE image_id = $1`;

const ADD_MEMBER = `
  INSERT INTO members (image_id, member, status, member_created_at, member_updated_at)
  VALUES ($1, $2, 'pending', statement_timestamp(), statement_timestamp())
  RETURNING status, member_created_at AS "createdAt", member_updated_at AS "updatedAt"`;

const SET_MEMBER_STATUS = `
  UPDATE members SET status = $3, member_updated_at = clock_timestamp() WHERE image_id = $1 AND member = $2
  RETURNING status, member_created_at AS "createdAt", member_updated_at AS "updatedAt"`;

const REMOVE_MEMBER = 'DELETE FROM members WHERE image_id = $1 AND member = $2 RETURNING member';

/** Creates and edits images in PostgreSQL, each by one statement or transaction. */
export class StoredImageEditor implements ImageEditor {
  readonly #creations = new ImageCreations((statement) => this.#write(statement));

  constructor(
    private readonly database: Database,
    private readonly availability: Availability = {},
    private readonly onChanged: OnImagesChanged = () => undefined,
  ) {}

  async create(image: NewImage): Promise<Image> {
    const creation = creationOf(image);
    const row = await (image.id === undefined
      ? this.#creations.create(creation)
      : this.#createAs(image.id, creation));
    const created = imageOf({ ...row, members: null });
    this.onChanged([created.id], listAudienceOf(created));
    return created;
  }

  async edit(image: Image, attributes: Partial<EditableAttributes>): Promise<Image> {
    const [row] = await this.#write<EditedRow>(editStatement(image, attributes));
    if (!row) throw new VersionLost();
    const changed: Image = { ...imageOf({ ...row, members: null }), members: image.members };
    this.onChanged([image.id], together(listAudienceOf(image), listAudienceOf(changed)));
    return changed;
  }

  /** The lock on the image comes before the count: two members that are added at once are counted one after the other. */
  async addMember(image: Image, project: string): Promise<Member> {
    const member = await this.#transaction(async (query) => {
      const lock = 'SELECT FROM images WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE';
      if ((await query(lock, [image.id])).length === 0) throw new ImageNotFound(image.shownId);
      const [found] = await query<{ count: number; listed: boolean }>(COUNT_MEMBERS, [image.id, project]);
      const { count, listed } = found!;
      if (listed) throw new MemberExists(image.shownId, project);
      if (count >= MEMBER_QUOTA) throw new LimitExceeded('members', count + 1, MEMBER_QUOTA);
      const [added] = await query<Member>(ADD_MEMBER, [image.id, project]);
      return added!;
    });
    this.onChanged([image.id], [project]);
    return member;
  }

  async setMemberStatus(image: Image, project: string, status: MemberStatus): Promise<Member> {
    const values = [image.id, project, status];
    const [member] = await this.#write<Member>({
      name: 'set member status',
      text: SET_MEMBER_STATUS,
      values,
    });
    if (!member) throw new MemberNotFound(image.shownId, project);
    this.onChanged([image.id], [project]);
    return member;
  }

  async removeMember(image: Image, project: string): Promise<void> {
    const values = [image.id, project];
    const [removed] = await this.#write({ name: 'remove member', text: REMOVE_MEMBER, values });
    if (!removed) throw new MemberNotFound(image.shownId, project);
    this.onChanged([image.id], [project]);
  }

  /** The used ids are read after the row is written: a purge that removed an image of this id before has noted it. */
  #createAs(id: string, creation: Creation): Promise<EditedRow> {
    const { text, values } = createStatement([creation]);
    return this.#transaction(async (query) => {
      const [row] = await query<EditedRow>(text, [...values]);
      const used = row && (await query('SELECT FROM used_ids WHERE id = $1', [row.id]));
      if (!row || used!.length > 0) throw new ImageExists(id);
      return row;
    });
  }

  #transaction<T>(
    run: (query: <Row extends object>(text: string, values: unknown[]) => Promise<Row[]>) => Promise<T>,
  ): Promise<T> {
    return orUnavailable(
      () =>
        this.database.transaction((client) =>
          run(
            async <Row extends object>(text: string, values: unknown[]) =>
              (await client.query<Row>(text, values)).rows,
          ),
        ),
      this.availability,
    );
  }

  #write<Row extends object>(statement: Statement): Promise<Row[]> {
    return write(this.database, statement, this.availability);
  }
}

function together(one: ListAudience, other: ListAudience): ListAudience {
  return one === 'everyone' || other === 'everyone' ? 'everyone' : [...new Set([...one, ...other])];
}
