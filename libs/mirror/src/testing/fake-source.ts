import { randomUUID } from 'node:crypto';
import {
  ChangeRefused,
  DomainError,
  SOURCE_DOCUMENTS,
  SourceUnavailable,
  type Member,
  type MemberStatus,
  type PropertyChange,
  type SourceDocument,
  type SourceDocumentName,
  type SourceImage,
  type SourceMembers,
} from '@glimpse/domain';
import { sourceImageOf } from '@glimpse/domain/testing';
import type { ImageSource, SourcePage, SourceQuery } from '@glimpse/plugins';

/** The images of a page. */
export const PAGE = 4;

class BadMembers extends DomainError {
  readonly code = 'bad-members';
}

/** A source in memory that does as Glance does: whole seconds, pages by creation, changes that lose one another. */
export class FakeSource implements ImageSource {
  readonly url = 'http://glance.example.com';
  readonly images = new Map<string, SourceImage>();
  readonly shares = new Map<string, Map<string, Member>>();
  /** How often each call was made. */
  readonly calls: Record<string, number> = {};
  /** The reason why it is unavailable, if it is. */
  away: string | undefined;
  blind: string | undefined;
  /** Ids that lists leave out. */
  readonly unlisted = new Set<string>();
  /** Ids whose requests fail. */
  readonly failing = new Set<string>();
  /** Ids of images whose members no catalogue can hold. */
  readonly badMembers = new Set<string>();
  /** What is odd about its pages. */
  distort: (page: SourcePage) => SourcePage = (page) => page;
  /** The documents in which it describes its API. */
  readonly documents = new Map<SourceDocumentName, SourceDocument>(
    SOURCE_DOCUMENTS.map((name) => [name, { name }]),
  );
  /** Those that it fails to show. */
  readonly failingDocuments = new Set<SourceDocumentName>();
  /** Runs before each response. */
  meanwhile: (call: string) => Promise<void> = () => Promise.resolve();

  add(over: Partial<SourceImage> = {}): SourceImage {
    const image: SourceImage = sourceImageOf({
      id: randomUUID(),
      visibility: 'private',
      owner: 'a',
      createdAt: new Date(Date.UTC(2026, 0, 1, 0, 0, this.images.size)),
      updatedAt: second(),
      ...over,
    });
    this.images.set(image.id, image);
    return image;
  }

  change(id: string, over: Partial<SourceImage>): void {
    this.images.set(id, { ...this.images.get(id)!, updatedAt: second(), ...over });
  }

  share(id: string, project: string, status: MemberStatus): void {
    this.shares.set(
      id,
      new Map(this.shares.get(id)).set(project, { status, createdAt: second(), updatedAt: second() }),
    );
  }

  missingReadAccess(): Promise<string | undefined> {
    return this.#answer('missingReadAccess', () => this.blind);
  }

  newestChange(): Promise<Date | undefined> {
    return this.#answer(
      'newestChange',
      () =>
        [...this.images.values()]
          .map(({ updatedAt }) => updatedAt)
          .sort((one, other) => Number(other) - Number(one))[0],
    );
  }

  page({ hidden, changedSince, after }: SourceQuery): Promise<SourcePage> {
    return this.#answer('page', () => {
      const images = [...this.images.values()]
        .filter((image) => image.hidden === hidden && !this.unlisted.has(image.id))
        .filter(({ updatedAt }) => !changedSince || updatedAt >= changedSince)
        .sort((one, other) => (order(one) < order(other) ? -1 : 1))
        .filter((image) => !after || order(image) > order(after));
      const page = images.slice(0, PAGE);
      return this.distort({ images: page, bad: [], next: images.length > PAGE ? page.at(-1) : undefined });
    });
  }

  image(id: string): Promise<SourceImage | undefined> {
    return this.#answer('image', () => {
      if (this.failing.has(id)) throw new SourceUnavailable('it answers 500');
      return this.images.get(id);
    });
  }

  members(imageId: string): Promise<SourceMembers | undefined> {
    return this.#answer('members', () => {
      if (this.failing.has(imageId)) throw new SourceUnavailable('it answers 500');
      if (this.badMembers.has(imageId)) throw new BadMembers('member_id is 7');
      return this.images.has(imageId)
        ? { imageId, members: this.shares.get(imageId) ?? new Map() }
        : undefined;
    });
  }

  document(name: SourceDocumentName): Promise<SourceDocument> {
    return this.#answer(`document ${name}`, () => {
      if (this.failingDocuments.has(name)) throw new SourceUnavailable('it answers 500');
      return this.documents.get(name) ?? null;
    });
  }

  async changeProperties(id: string, change: PropertyChange, _before: object, token: string): Promise<void> {
    if (token === 'refused') throw new ChangeRefused('no');
    const { properties } = this.images.get(id)!;
    await this.#answer('changeProperties', () => undefined);
    const after = { ...properties, ...(change.kind === 'remove' ? {} : change.properties) };
    if (change.kind === 'remove') delete after[change.key];
    this.change(id, { properties: change.kind === 'replace' ? { ...change.properties } : after });
  }

  async deleteImage(id: string): Promise<void> {
    await this.#answer('deleteImage', () => this.images.delete(id));
  }

  /** Responds with the state at the time of the call, however late. */
  async #answer<T>(call: string, read: () => T): Promise<T> {
    this.calls[call] = (this.calls[call] ?? 0) + 1;
    if (this.away !== undefined) throw new SourceUnavailable(this.away);
    const answer = read();
    await this.meanwhile(call);
    return answer;
  }
}

export const second = (): Date => new Date(Math.floor(Date.now() / 1000) * 1000);
const order = ({ createdAt, id }: { createdAt: Date; id: string }): string => createdAt.toISOString() + id;
