import type { ServiceCredentials } from '@glimpse/auth';
import {
  DomainError,
  SourceUnavailable,
  isStorable,
  isUuid,
  type PropertyChange,
  type SourceDocument,
  type SourceDocumentName,
  type SourceImage,
  type SourceMembers,
  type SourcePlace,
} from '@glimpse/domain';
import type { HttpResponse } from '@glimpse/http-client';
import { readOptions } from '@glimpse/options';
import type { ImageSource, ListAccess, SourcePage, SourceQuery } from '@glimpse/plugins';
import { BadDocument, printableValue } from '../documents/bad-document.js';
import { readImageDocument, readMemberDocuments, readTime } from '../documents/image-document.js';
import { readServiceDocument } from '../documents/service-document.js';
import { ResponseTooLong } from './glance-client.js';
import { GlanceOptions } from './options.js';
import { propertyPatch } from './property-patch.js';
import { refusalOf, unexpected, messageOf } from './refusals.js';
import { Session, hasRole, type Request } from './session.js';
import { listAccess, missingTokenSupport } from './token-check.js';

/** What a Glance as a source may be given besides. */
export interface GlanceSourceHooks {
  /**
   * The credentials of the user whose token is sent beside a caller's that Glance does not accept alone. Glance
   * adds its roles to the caller's, so its only role is `service`.
   */
  readonly serviceUser?: ServiceCredentials | undefined;
  /** The roles that make a user a service's, which are all that the service user may have; unset: `service`. */
  readonly serviceRoles?: readonly string[];
  /** Turns an option's name into the name that the reader of a message knows. */
  readonly nameOf?: (option: string) => string;
}

/**
 * Makes a Glance a source of images. Nothing is opened before the first request.
 *
 * @param credentials those of the reader, a user with Glance's role of an administrator: without that Glance
 *   omits images without notice. Its token is never sent beside a caller's
 * @throws {InvalidOptions} naming each wrong option, its value, and what is allowed
 *
 * @example
 * const source = createGlanceSource({}, createServiceCredentials({ authUrl, username, password, projectName }));
 * const { images, next } = await source.page({ hidden: false });
 */
export function createGlanceSource(
  options: Partial<GlanceOptions>,
  credentials: ServiceCredentials,
  {
    serviceUser,
    serviceRoles = ['service'],
    nameOf = (option) => option || 'the options of Glance',
  }: GlanceSourceHooks = {},
): ImageSource {
  const read = readOptions(GlanceOptions, options, nameOf);
  return new GlanceSource(read, new Session(read, credentials, serviceUser), serviceRoles);
}

/** How many of the images that changed last are read for a time that is one. */
const NEWEST_READ = 20;
/** Characters of the longest id that a page may go on after. */
const MAX_ID_LENGTH = 255;

type Document = Readonly<Record<string, unknown>>;

class GlanceSource implements ImageSource {
  constructor(
    private readonly options: GlanceOptions,
    private readonly session: Session,
    private readonly serviceRoles: readonly string[],
  ) {}

  get url(): string | undefined {
    return this.session.url;
  }

  async missingReadAccess(): Promise<string | undefined> {
    const { adminRole } = this.options;
    const roles = await this.session.roles();
    if (hasRole(roles, adminRole)) return undefined;
    return (
      `its user lacks the role ${adminRole} in its project, and Glance shows it only a part of the images ` +
      `(the roles are ${roles.join(', ')})`
    );
  }

  missingWriteAccess(signal?: AbortSignal): Promise<string | undefined> {
    return missingTokenSupport(this.session, this.serviceRoles, signal);
  }

  listAccess(signal?: AbortSignal): Promise<ListAccess> {
    return listAccess(this.session, this.serviceRoles, signal);
  }

  async page(query: SourceQuery, signal?: AbortSignal): Promise<SourcePage> {
    for (let limit = this.options.pageSize; ; limit = Math.ceil(limit / 8)) {
      try {
        return readPage(await this.#page(query, limit, signal), query);
      } catch (error) {
        if (!(error instanceof ResponseTooLong)) throw error;
        if (limit === 1) return this.#pageOfTooLong(query, error.reason, signal);
      }
    }
  }

  async newestChange(signal?: AbortSignal): Promise<Date | undefined> {
    const times = await Promise.all(
      [false, true].map(async (hidden) => {
        const path = listPath(hidden, 'sort=updated_at:desc,id:asc', `limit=${NEWEST_READ}`);
        const images = listOf(await this.#get(path, signal), 'images');
        return images.map((image) => timeIn(image, 'updated_at')).find((time) => time !== undefined);
      }),
    );
    return times.reduce((one, other) => (one && other && one > other ? one : (other ?? one)));
  }

  async image(id: string, signal?: AbortSignal): Promise<SourceImage | undefined> {
    if (!isUuid(id)) return undefined;
    const answer = await this.#whole(`/images/${id}`, signal);
    if (answer.status === 404) return confirmedMissing(answer, id);
    if (answer.status !== 200) throw unexpected(answer);
    const named = (answer.document as Document | null | undefined)?.['id'];
    if (typeof named !== 'string' || named.toLowerCase() !== id.toLowerCase()) {
      throw new SourceUnavailable(`its answer is not the image ${id}`);
    }
    return readImageDocument(answer.document);
  }

  async members(id: string, signal?: AbortSignal): Promise<SourceMembers | undefined> {
    if (!isUuid(id)) return undefined;
    const answer = await this.#whole(`/images/${id}/members`, signal);
    if (answer.status === 404) return confirmedMissing(answer, id);
    // It keeps those of an image whose visibility was `shared`, but they are no members now.
    if (answer.status === 403 && /only shared images have members/i.test(messageOf(answer))) {
      return { imageId: id.toLowerCase(), members: new Map() };
    }
    return readMemberDocuments(id, listOf(answer, 'members'));
  }

  async document(name: SourceDocumentName, signal?: AbortSignal): Promise<SourceDocument> {
    const isUnversioned = name === 'versions';
    return readServiceDocument(
      name,
      await this.session.send({ method: 'GET', path: `/${name}`, isUnversioned, signal }),
    );
  }

  async changeProperties(
    id: string,
    change: PropertyChange,
    before: SourceImage['properties'],
    token: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const body = propertyPatch(change, before);
    const path = `/images/${encodeURIComponent(id)}`;
    const answer = await this.session.sendAs(token, { method: 'PATCH', path, body, signal });
    if (answer.status !== 200) throw this.#refusalOf(answer, id, 'change');
  }

  async deleteImage(id: string, token: string, signal?: AbortSignal): Promise<void> {
    const request: Request = { method: 'DELETE', path: `/images/${encodeURIComponent(id)}`, signal };
    const answer = await this.session.sendAs(token, request);
    if (answer.status !== 204) throw this.#refusalOf(answer, id, 'delete');
  }

  async #page(
    { hidden, changedSince, after }: SourceQuery,
    limit: number,
    signal: AbortSignal | undefined,
    withoutLongStrings = false,
  ): Promise<HttpResponse> {
    const parameters = [
      'sort=created_at:asc,id:asc',
      `limit=${limit}`,
      ...(changedSince ? [`updated_at=gte:${secondOf(changedSince)}`] : []),
    ];
    const get = (...more: string[]): Promise<HttpResponse> =>
      this.#get(listPath(hidden, ...parameters, ...more), signal, withoutLongStrings);
    if (!after) return get();
    const answer = await get(`marker=${encodeURIComponent(after.id)}`);
    if (answer.status !== 400 || !/no image found/i.test(messageOf(answer))) return answer;
    // The marker has been purged. Glance orders more finely than its times show, so that second comes again.
    return get(`created_at=gte:${secondOf(after.createdAt)}`);
  }

  /** A page of one image that is too long by itself: where the list goes on after it, without the image. */
  async #pageOfTooLong(
    query: SourceQuery,
    reason: string,
    signal: AbortSignal | undefined,
  ): Promise<SourcePage> {
    const answer = await this.#page(query, 1, signal, true);
    const ids = listOf(answer, 'images').map(idIn);
    return {
      ...readPage(answer, query),
      images: [],
      bad: ids.map((id) => `image ${printableValue(id ?? null)}: ${reason}`),
      badIds: ids.filter((id) => id !== undefined && isUuid(id)) as string[],
    };
  }

  /** An answer about one image. The image is there when that is too long, and no catalogue can hold it. */
  async #whole(path: string, signal: AbortSignal | undefined): Promise<HttpResponse> {
    try {
      return await this.#get(path, signal);
    } catch (error) {
      if (!(error instanceof ResponseTooLong)) throw error;
      throw new BadDocument('the document', error.reason, 'shorter');
    }
  }

  #refusalOf(answer: HttpResponse, id: string, action: 'change' | 'delete'): DomainError {
    return refusalOf(answer, id, { action, besideServiceUser: this.session.serviceUser !== undefined });
  }

  #get(path: string, signal: AbortSignal | undefined, withoutLongStrings = false): Promise<HttpResponse> {
    return this.session.send({ method: 'GET', path, signal, withoutLongStrings });
  }
}

/** A 404 that does not name the image is a proxy's, or another service's at this address. */
function confirmedMissing(answer: HttpResponse, id: string): undefined {
  if (messageOf(answer).toLowerCase().includes(id.toLowerCase())) return undefined;
  throw new SourceUnavailable('it answers 404 without naming the image');
}

/** Without `visibility=all` Glance hides others' community images even from an administrator. */
function listPath(hidden: boolean, ...parameters: string[]): string {
  return `/images?${[`visibility=all&os_hidden=${hidden}`, ...parameters].join('&')}`;
}

/** As Glance shows times. */
function secondOf(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

function readPage(answer: HttpResponse, { after }: SourceQuery): SourcePage {
  const documents = listOf(answer, 'images');
  const images: SourceImage[] = [];
  const bad: string[] = [];
  const badIds: string[] = [];
  for (const document of documents) {
    try {
      images.push(readImageDocument(document));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const id = idIn(document);
      bad.push(`image ${printableValue(id ?? null)}: ${error.message}`);
      if (id !== undefined && isUuid(id)) badIds.push(id);
    }
  }
  const { next } = answer.document as Document;
  return {
    images,
    bad,
    badIds,
    next: isLast(next) ? undefined : lastPlace(documents, after),
    requestedAt: answer.sentAt,
  };
}

/** Of the address of the next page only its presence counts: it may lead to another host. */
function isLast(next: unknown): boolean {
  if (next === undefined || next === null) return true;
  if (typeof next !== 'string')
    throw new SourceUnavailable(`next in its answer is ${printableValue(next)}; it must be a path`);
  return false;
}

function listOf(answer: HttpResponse, name: 'images' | 'members'): readonly unknown[] {
  if (answer.status !== 200) throw unexpected(answer);
  const list = (answer.document as Document | null | undefined)?.[name];
  if (!Array.isArray(list)) throw new SourceUnavailable(`its answer is no list of ${name}`);
  return list as unknown[];
}

/** The place of the last image that has one: an id, and a time or that of the image before it. */
function lastPlace(documents: readonly unknown[], after: SourcePlace | undefined): SourcePlace {
  let place: SourcePlace | undefined;
  let createdAt = after?.createdAt ?? new Date(0);
  for (const document of documents) {
    const id = idIn(document);
    createdAt = timeIn(document, 'created_at') ?? createdAt;
    if (id !== undefined) place = { id, createdAt };
  }
  if (!place) throw new SourceUnavailable('it has a next page after one without an image that has an id');
  return place;
}

/** A text that may be sent as a marker. */
function idIn(document: unknown): string | undefined {
  const id = (document as Document | null | undefined)?.['id'];
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID_LENGTH && isStorable(id) ? id : undefined;
}

function timeIn(document: unknown, attribute: string): Date | undefined {
  try {
    return readTime(attribute, (document as Document | null | undefined)?.[attribute]);
  } catch {
    return undefined;
  }
}
