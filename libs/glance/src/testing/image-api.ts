import { randomUUID } from 'node:crypto';
import { BASE_ATTRIBUTES, PROPERTY_QUOTA } from '@glimpse/domain';
import type { PatchOperation } from '../client/property-patch.js';

/** An image as Glance writes it. */
export interface ImageDocument {
  readonly id: string;
  readonly owner: string;
  readonly created_at: string;
  updated_at: string;
  readonly visibility: string;
  readonly [attribute: string]: unknown;
}

/** Whose a token is. */
export interface TokenHolder {
  readonly projectId: string;
  readonly roles: readonly string[];
  /** It is over, and counts only with a service's beside it. */
  readonly expired?: boolean;
  /** It has access rules, of which none is of Glance, and counts only with another token beside it. */
  readonly restricted?: boolean;
}

export interface ApiAnswer {
  readonly status: number;
  readonly document?: object;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Request Entity Too Large',
};

function refusal(status: number, message: string): ApiAnswer {
  const title = TITLES[status];
  return {
    status,
    document: { message: `${message}<br /><br />\n\n\n`, code: `${status} ${title}`, title },
  };
}

const FOUR_BYTES = /[\u{10000}-\u{10ffff}]/u;
const LONGEST_PAGE = 1000;
const READ_ONLY = new Set([
  'checksum',
  'created_at',
  'file',
  'id',
  'schema',
  'self',
  'size',
  'status',
  'virtual_size',
]);

/** What differs among the members of an image. */
interface MemberDocument {
  readonly status: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** What Glance computes from the data of an image; null while it has none. */
const DATA_ATTRIBUTES = {
  size: 1,
  virtual_size: 1,
  checksum: '93b885adfe0da089cdf634904fd59f71',
  os_hash_algo: 'sha512',
  os_hash_value: 'b8244d028981d693af7b456af8efa4cad63d282e19ff14942c246e50d9351d22',
} as const;
const WITHOUT_DATA = Object.fromEntries(Object.keys(DATA_ATTRIBUTES).map((name) => [name, null]));

interface Row {
  document: ImageDocument;
  deleted: boolean;
  readonly members: Map<string, MemberDocument>;
}

/** What Glance answers of its images, to whom. */
export class ImageApi {
  /** In the order in which they were made. */
  readonly #rows = new Map<string, Row>();

  add(attributes: Partial<ImageDocument>): ImageDocument {
    const id = attributes.id ?? randomUUID();
    const now = secondOf(Date.now());
    const document: ImageDocument = {
      name: null,
      owner: 'demo',
      status: 'active',
      visibility: 'shared',
      os_hidden: false,
      protected: false,
      disk_format: 'raw',
      container_format: 'bare',
      ...(attributes.status === 'queued' ? WITHOUT_DATA : DATA_ATTRIBUTES),
      min_disk: 0,
      min_ram: 0,
      tags: [],
      created_at: now,
      updated_at: now,
      self: `/v2/images/${id}`,
      file: `/v2/images/${id}/file`,
      schema: '/v2/schemas/image',
      ...attributes,
      id,
    };
    this.#rows.set(id, { document, deleted: false, members: new Map() });
    return document;
  }

  share(id: string, projectId: string, status: string): void {
    const { members } = this.#rows.get(id)!;
    const updated_at = secondOf(Date.now());
    const created_at = members.get(projectId)?.created_at ?? updated_at;
    members.set(projectId, { status, created_at, updated_at });
  }

  /** Removes an image as Glance does when it is purged: nothing knows it any more. */
  purge(id: string): void {
    this.#rows.delete(id);
  }

  list(who: TokenHolder, query: URLSearchParams): ApiAnswer {
    const marker = query.get('marker');
    const known = marker === null || this.#rows.has(marker);
    if (!known) return refusal(400, `No image found with ID ${marker}`);
    let found = [...this.#rows.values()].filter(
      ({ deleted, document }) =>
        (!deleted || document.id === marker) &&
        isSince(document.updated_at, query.get('updated_at')) &&
        isSince(document.created_at, query.get('created_at')),
    );
    const [key] = (query.get('sort') ?? 'created_at:desc').split(/[:,]/);
    found.sort((one, other) => compare(one.document[key!], other.document[key!]));
    if (query.get('sort')?.startsWith(`${key}:desc`)) found.reverse();
    if (marker !== null) found = found.slice(found.findIndex(({ document }) => document.id === marker) + 1);
    found = found.filter(
      (row) => String(row.document['os_hidden']) === query.get('os_hidden') && canSee(row, who),
    );
    const limit = Math.min(Number(query.get('limit')), LONGEST_PAGE);
    const images = found.slice(0, limit).map(({ document }) => document);
    return {
      status: 200,
      document: {
        images,
        ...(images.length === limit && { next: `/v2/images?marker=${images.at(-1)!.id}` }),
      },
    };
  }

  show(who: TokenHolder, id: string): ApiAnswer {
    const row = this.#visible(who, id);
    return row ? { status: 200, document: row.document } : refusal(404, `No image found with ID ${id}`);
  }

  members(who: TokenHolder, id: string): ApiAnswer {
    const row = this.#visible(who, id);
    if (!row) return refusal(404, `Image ${id} not found.`);
    if (row.document.visibility !== 'shared') {
      return refusal(403, `Not allowed to list members for image ${id}: Only shared images have members.`);
    }
    const members = [...row.members]
      .filter(([projectId]) => isTheirs(row, who) || projectId === who.projectId)
      .map(([member_id, member]) => ({ ...member, member_id, image_id: id, schema: '/v2/schemas/member' }));
    return { status: 200, document: { members, schema: '/v2/schemas/members' } };
  }

  patch(who: TokenHolder, id: string, operations: readonly PatchOperation[]): ApiAnswer {
    const named = operations.map(({ path }) => path.slice(1).replaceAll('~1', '/').replaceAll('~0', '~'));
    for (const name of named) {
      if (READ_ONLY.has(name)) return refusal(403, `Attribute '${name}' is read-only.`);
      if (name.startsWith('os_glance')) return refusal(403, `Attribute '${name}' is reserved.`);
    }
    const row = this.#visible(who, id);
    if (!row) return refusal(404, `No image found with ID ${id}`);
    if (!isTheirs(row, who)) return refusal(403, 'You do not own this image');
    const changed = new Map(Object.entries(row.document));
    for (const [at, operation] of operations.entries()) {
      const name = named[at]!;
      if (operation.op === 'add') changed.set(name, operation.value);
      else if (!changed.delete(name)) return refusal(409, `Property ${name} does not exist.`);
    }
    const count = [...changed.keys()].filter((name) => !BASE_ATTRIBUTES.has(name)).length;
    if (count > PROPERTY_QUOTA) {
      const counts = `Attempted: ${count}, Maximum: ${PROPERTY_QUOTA}`;
      return refusal(413, `The limit has been exceeded on the number of allowed image properties. ${counts}`);
    }
    // What MySQL's utf8 lacks.
    for (const [name, value] of changed) {
      if (FOUR_BYTES.test(name)) return refusal(400, "Property names can't contain 4 byte unicode.");
      if (typeof value !== 'string' || !FOUR_BYTES.test(value)) continue;
      const shown = name.charAt(0).toUpperCase() + name.slice(1).toLowerCase();
      return refusal(400, `${shown} can't contain 4 byte unicode characters.`);
    }
    row.document = { ...(Object.fromEntries(changed) as ImageDocument), updated_at: secondOf(Date.now()) };
    return { status: 200, document: row.document };
  }

  delete(who: TokenHolder, id: string): ApiAnswer {
    const row = this.#visible(who, id);
    if (!row) return refusal(404, `Failed to find image ${id} to delete`);
    if (!isTheirs(row, who)) return refusal(403, 'You do not own this image');
    if (row.document['protected'] === true) {
      return refusal(403, `Image ${id} is protected and cannot be deleted.`);
    }
    row.deleted = true;
    return { status: 204 };
  }

  #visible(who: TokenHolder, id: string): Row | undefined {
    const row = this.#rows.get(id);
    return row && !row.deleted && canSee(row, who) ? row : undefined;
  }
}

function isTheirs({ document }: Row, { projectId, roles }: TokenHolder): boolean {
  return roles.includes('admin') || document.owner === projectId;
}

function canSee(row: Row, who: TokenHolder): boolean {
  const { visibility } = row.document;
  const isOpen = visibility === 'public' || visibility === 'community';
  return isOpen || isTheirs(row, who) || (visibility === 'shared' && row.members.has(who.projectId));
}

function isSince(time: string, filter: string | null): boolean {
  return filter === null || time >= filter.replace(/^gte:/, '');
}

function compare(one: unknown, other: unknown): number {
  return String(one) < String(other) ? -1 : Number(one !== other);
}

function secondOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
