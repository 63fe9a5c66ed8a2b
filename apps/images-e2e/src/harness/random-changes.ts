import { randomUUID } from 'node:crypto';
import { VISIBILITIES, MEMBER_STATUSES, type Image } from '@glimpse/domain';
import { imageOf, membersOf } from '@glimpse/domain/testing';
import type { CatalogueState } from './list-history.js';

/** A request that makes a change, with the token of a caller. */
export interface ChangeRequest {
  readonly as: string;
  readonly api: 'image' | 'compute';
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

/** A request, and what it makes of an image. */
export interface RandomChange {
  readonly id: string;
  /** Undefined where the request deletes it. */
  readonly image: Image | undefined;
  readonly request: ChangeRequest;
}

export const NAMES = ['red', 'green', 'blue'];
export const TAGS = ['x', 'y'];
const KEYS = ['key-0', 'key-1'];
const VALUES = ['v0', 'v1'];

/** The callers that own images: the token of each, and its project. */
export const OWNERS: Readonly<Record<string, string>> = {
  a: 'a'.repeat(32),
  b: 'b'.repeat(32),
  c: 'c'.repeat(32),
};
/** The token of an administrator. */
export const ADMIN = 'admin';

/** How many images there are. */
const [FEWEST, MOST] = [12, 40];

/** Changes of random images in random ways, each by a caller that may make it. */
export class RandomChanges {
  readonly #kinds: readonly ((image: Image, owner: string) => RandomChange | undefined)[];
  #created = 0;

  /**
   * @param random a number below another one
   * @param unchanged the ids of images that stay as they are
   */
  constructor(
    private readonly random: (below: number) => number,
    private readonly unchanged: ReadonlySet<string>,
  ) {
    this.#kinds = [
      (image, as) => this.#patch(image, as, { name: this.#pick(NAMES) }),
      (image, as) => this.#patch(image, as, { hidden: this.random(4) === 0 }),
      // The owner may not publish.
      (image) => this.#patch(image, ADMIN, { visibility: this.#pick(VISIBILITIES) }),
      (image) => this.#patch(image, ADMIN, { visibility: 'shared' }),
      (image, as) => this.#setProperty(image, as),
      (image, as) => this.#removeProperty(image, as),
      (image, as) => this.#tag(image, as),
      (image, as) => this.#share(image, as),
      (image, as) => this.#unshare(image, as),
      (image) => this.#respond(image),
    ];
  }

  /** Changes of different images; at most one of them creates one, for the order of creation must be known. */
  some(state: CatalogueState, count: number): RandomChange[] {
    const changes: RandomChange[] = [];
    if (state.size < MOST && this.random(3) === 0) changes.push(this.#create());
    const images = [...state.values()].filter(({ id }) => !this.unchanged.has(id));
    while (changes.length < count) {
      const image = this.#pick(images);
      if (changes.some(({ id }) => id === image.id)) continue;
      const change = this.#change(image, state.size);
      if (change) changes.push(change);
    }
    return changes;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.random(list.length)]!;
  }

  #change(image: Image, images: number): RandomChange | undefined {
    const owner = Object.keys(OWNERS).find((name) => OWNERS[name] === image.owner)!;
    if (images > FEWEST && this.random(10) === 0) return this.#delete(image, owner);
    return this.#pick(this.#kinds)(image, owner);
  }

  #create(): RandomChange {
    const [as, id] = [this.#pick(Object.keys(OWNERS)), randomUUID()];
    const image = imageOf({
      ...{ id, name: this.#pick(NAMES), owner: OWNERS[as]!, status: 'queued' },
      visibility: this.#pick(['private', 'shared', 'community']),
      tags: this.random(2) === 0 ? [] : [this.#pick(TAGS)],
      properties: { [this.#pick(KEYS)]: this.#pick(VALUES) },
      // Its time is not compared, only its place among the others.
      createdAt: new Date(Date.UTC(2030, 0, 1, 0, 0, this.#created++)),
    });
    const { name, visibility, tags, properties } = image;
    const body = { id, name, visibility, tags, ...properties };
    return { id, image, request: { as, api: 'image', method: 'POST', path: '', body } };
  }

  #delete({ id }: Image, as: string): RandomChange {
    const api = this.#pick(['image', 'compute'] as const);
    return { id, image: undefined, request: { as, api, method: 'DELETE', path: `/${id}` } };
  }

  #patch(image: Image, as: string, changed: Partial<Image>): RandomChange {
    const body = Object.entries(changed).map(([name, value]) => ({
      ...{ op: 'replace', path: `/${name === 'hidden' ? 'os_hidden' : name}`, value },
    }));
    const request = { as, api: 'image', method: 'PATCH', path: `/${image.id}`, body } as const;
    return { id: image.id, image: { ...image, ...changed }, request };
  }

  #setProperty(image: Image, as: string): RandomChange {
    const [key, value] = [this.#pick(KEYS), this.#pick(VALUES)];
    const { id, properties } = image;
    const request: ChangeRequest =
      this.random(2) === 0
        ? { as, api: 'image', method: 'PATCH', path: `/${id}`, body: [{ op: 'add', path: `/${key}`, value }] }
        : {
            as,
            api: 'compute',
            method: 'PUT',
            path: `/${id}/metadata/${key}`,
            body: { meta: { [key]: value } },
          };
    return { id, image: { ...image, properties: { ...properties, [key]: value } }, request };
  }

  #removeProperty(image: Image, as: string): RandomChange | undefined {
    const { id, properties } = image;
    const [key] = Object.keys(properties);
    if (key === undefined) return undefined;
    const { [key]: _, ...rest } = properties;
    const request: ChangeRequest =
      this.random(2) === 0
        ? { as, api: 'image', method: 'PATCH', path: `/${id}`, body: [{ op: 'remove', path: `/${key}` }] }
        : { as, api: 'compute', method: 'DELETE', path: `/${id}/metadata/${key}` };
    return { id, image: { ...image, properties: rest }, request };
  }

  #tag(image: Image, as: string): RandomChange {
    const [tag, { id, tags }] = [this.#pick(TAGS), image];
    const isSet = tags.includes(tag);
    const changed = isSet ? tags.filter((each) => each !== tag) : [...tags, tag].sort();
    const request = {
      as,
      api: 'image',
      method: isSet ? 'DELETE' : 'PUT',
      path: `/${id}/tags/${tag}`,
    } as const;
    return { id, image: { ...image, tags: changed }, request };
  }

  #share(image: Image, as: string): RandomChange | undefined {
    const { id, members, visibility, owner } = image;
    const project = this.#pick(Object.values(OWNERS));
    if (visibility !== 'shared' || members.has(project) || project === owner) return undefined;
    const changed = new Map([...members, ...membersOf({ [project]: 'pending' })]);
    const request = {
      as,
      api: 'image',
      method: 'POST',
      path: `/${id}/members`,
      body: { member: project },
    } as const;
    return { id, image: { ...image, members: changed }, request };
  }

  #unshare(image: Image, as: string): RandomChange | undefined {
    const { id, members, visibility } = image;
    if (visibility !== 'shared' || members.size === 0) return undefined;
    const project = this.#pick([...members.keys()]);
    const rest = new Map([...members].filter(([member]) => member !== project));
    const request = { as, api: 'image', method: 'DELETE', path: `/${id}/members/${project}` } as const;
    return { id, image: { ...image, members: rest }, request };
  }

  /** A member accepts an image or does not. */
  #respond(image: Image): RandomChange | undefined {
    const { id, members, visibility } = image;
    if (visibility !== 'shared' || members.size === 0) return undefined;
    const project = this.#pick([...members.keys()]);
    const status = this.#pick(['accepted', ...MEMBER_STATUSES] as const);
    const as = Object.keys(OWNERS).find((name) => OWNERS[name] === project)!;
    const path = `/${id}/members/${project}`;
    const changed = new Map([...members, ...membersOf({ [project]: status })]);
    return {
      ...{ id, image: { ...image, members: changed } },
      request: { as, api: 'image', method: 'PUT', path, body: { status } },
    };
  }
}
