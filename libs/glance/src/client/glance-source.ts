import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceCredentials } from '@glimpse/auth';
import {
  DomainError,
  SourceUnavailable,
  type PropertyChange,
  type SourceImage,
  type SourceMembers,
  type SourcePlace,
} from '@glimpse/domain';
import { readOptions, type ImageSource, type SourcePage, type SourceQuery } from '@glimpse/plugins';
import { BadDocument, shown } from '../documents/bad-document.js';
import { readImageDocument, readMemberDocuments, readTime } from '../documents/image-document.js';
import { AnswerTooLong, type Answer } from './connection.js';
import { GlanceOptions } from './options.js';
import { propertyPatch } from './property-patch.js';
import { refusalOf, unexpected, wordsOf } from './refusals.js';
import { Session, type Request } from './session.js';

/**
 * Makes a Glance a source of images. Nothing is opened before it is first asked.
 *
 * @param credentials those of a user with the role `service`, and with Glance's role of an administrator:
 *   without that Glance keeps images back and says nothing
 * @param nameOf turns an option's name into what the reader of a message knows it by
 * @throws {InvalidOptions} naming each wrong option, its value, and what is allowed
 *
 * @example
 * const source = createGlanceSource({}, createServiceCredentials({ authUrl, username, password, projectName }));
 * const { images, next } = await source.page({ hidden: false });
 */
export function createGlanceSource(
  options: Partial<GlanceOptions>,
  credentials: ServiceCredentials,
  nameOf: (option: string) => string = (option) => option || 'the options of Glance',
): ImageSource {
  return new GlanceSource(readOptions(GlanceOptions, options, nameOf), credentials);
}

/** What no Glance is asked for by its own path: it takes a token with this rule from services only. */
const NOT_GLANCES = { service: 'compute', method: 'GET', path: '/v2.1/images' };
/** Milliseconds that are waited for the end of a token. */
const LONGEST_WAIT = 10_000;
/** Milliseconds by which Glance's clock may be behind Keystone's. */
const CLOCKS = 1_000;

type Document = Readonly<Record<string, unknown>>;

class GlanceSource implements ImageSource {
  readonly #session: Session;

  constructor(
    private readonly options: GlanceOptions,
    credentials: ServiceCredentials,
  ) {
    this.#session = new Session(options, credentials);
  }

  get url(): string | undefined {
    return this.#session.url;
  }

  async blindness(): Promise<string | undefined> {
    const { adminRole } = this.options;
    const roles = await this.#session.roles();
    if (roles.some((role) => role.toLowerCase() === adminRole.toLowerCase())) return undefined;
    return (
      `its user lacks the role ${adminRole} in its project, and Glance shows it only a part of the images ` +
      `(the roles are ${roles.join(', ')})`
    );
  }

  async distrust(signal?: AbortSignal): Promise<string | undefined> {
    const request: Request = { method: 'GET', path: '/images?limit=1', signal };
    return this.#session.asRestricted(NOT_GLANCES, async ({ token, endsIn }) => {
      const refuses = async (): Promise<boolean> => {
        const answer = await this.#session.askAs(token, request);
        if (answer.status !== 200 && answer.status !== 401) throw unexpected(answer);
        return answer.status === 401;
      };
      if (await refuses()) {
        return "it refuses tokens with access rules even beside this service's own: it needs service_type = image";
      }
      if (endsIn > LONGEST_WAIT) {
        throw new SourceUnavailable('of this Keystone tokens outlive their application credentials');
      }
      await sleep(endsIn + CLOCKS, undefined, { signal }).catch(() => undefined);
      return (await refuses())
        ? "it refuses tokens that have just ended even beside this service's own: it needs a role of this " +
            "service's user in service_token_roles"
        : undefined;
    });
  }

  async page(query: SourceQuery, signal?: AbortSignal): Promise<SourcePage> {
    for (let limit = this.options.pageSize; ; limit = Math.ceil(limit / 8)) {
      try {
        return await this.#page(query, limit, signal);
      } catch (error) {
        if (limit === 1 || !(error instanceof AnswerTooLong)) throw error;
      }
    }
  }

  async newestChange(signal?: AbortSignal): Promise<Date | undefined> {
    const times = await Promise.all(
      [false, true].map(async (hidden) => {
        const answer = await this.#get(listPath(hidden, 'sort=updated_at:desc,id:asc', 'limit=1'), signal);
        const [newest] = listOf(answer, 'images');
        return newest && timeOf(newest, 'updated_at');
      }),
    );
    return times.reduce((one, other) => (one && other && one > other ? one : (other ?? one)));
  }

  async image(id: string, signal?: AbortSignal): Promise<SourceImage | undefined> {
    const answer = await this.#get(`/images/${encodeURIComponent(id)}`, signal);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw unexpected(answer);
    const named = (answer.document as Document | null | undefined)?.['id'];
    if (typeof named !== 'string' || named.toLowerCase() !== id.toLowerCase()) {
      throw new SourceUnavailable(`its answer is not the image ${id}`);
    }
    return readOwnDocument(answer.document);
  }

  async members(id: string, signal?: AbortSignal): Promise<SourceMembers | undefined> {
    const answer = await this.#get(`/images/${encodeURIComponent(id)}/members`, signal);
    if (answer.status === 404) return undefined;
    // It keeps those of an image whose visibility was `shared`, but they are no members now.
    if (answer.status === 403 && /only shared images have members/i.test(wordsOf(answer))) {
      return { imageId: id.toLowerCase(), members: new Map() };
    }
    try {
      return readMemberDocuments(id, listOf(answer, 'members'));
    } catch (error) {
      if (error instanceof BadDocument) throw new SourceUnavailable(error.message, { cause: error });
      throw error;
    }
  }

  async changeProperties(
    id: string,
    change: PropertyChange,
    before: Readonly<Record<string, string>>,
    token: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const body = JSON.stringify(propertyPatch(change, before));
    const path = `/images/${encodeURIComponent(id)}`;
    const answer = await this.#session.askAs(token, { method: 'PATCH', path, body, signal });
    if (answer.status !== 200) throw refusalOf(answer, id, 'change');
  }

  async deleteImage(id: string, token: string, signal?: AbortSignal): Promise<void> {
    const request: Request = { method: 'DELETE', path: `/images/${encodeURIComponent(id)}`, signal };
    const answer = await this.#session.askAs(token, request);
    if (answer.status !== 204) throw refusalOf(answer, id, 'delete');
  }

  async #page(
    { hidden, changedSince, after }: SourceQuery,
    limit: number,
    signal: AbortSignal | undefined,
  ): Promise<SourcePage> {
    const parameters = [
      'sort=created_at:asc,id:asc',
      `limit=${limit}`,
      ...(changedSince ? [`updated_at=gte:${secondOf(changedSince)}`] : []),
    ];
    const marker = after && `marker=${encodeURIComponent(after.id)}`;
    let answer = await this.#get(listPath(hidden, ...parameters, ...(marker ? [marker] : [])), signal);
    if (after && answer.status === 400 && /no image found/i.test(wordsOf(answer))) {
      // The marker has been purged. Glance orders more finely than its times show, so that second comes again.
      const since = `created_at=gte:${secondOf(after.createdAt)}`;
      answer = await this.#get(listPath(hidden, ...parameters, since), signal);
    }
    return readPage(answer);
  }

  #get(path: string, signal: AbortSignal | undefined): Promise<Answer> {
    return this.#session.ask({ method: 'GET', path, signal });
  }
}

/** Without `visibility=all` Glance hides others' community images even from an administrator. */
function listPath(hidden: boolean, ...parameters: string[]): string {
  return `/images?${[`visibility=all&os_hidden=${hidden}`, ...parameters].join('&')}`;
}

/** As Glance shows times. */
function secondOf(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

function readPage(answer: Answer): SourcePage {
  const documents = listOf(answer, 'images');
  const images: SourceImage[] = [];
  const bad: string[] = [];
  for (const document of documents) {
    try {
      images.push(readOwnDocument(document));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      bad.push(`image ${shown(document['id'] ?? null)}: ${error.message}`);
    }
  }
  const last = documents.at(-1);
  const isFull = typeof (answer.document as Document)['next'] === 'string';
  return { images, bad, next: last && isFull ? placeOf(last) : undefined };
}

/** An image whose id Glance has in capitals would be another one to a catalogue, which knows no case of them. */
function readOwnDocument(document: unknown): SourceImage {
  const image = readImageDocument(document);
  const { id } = document as Document;
  if (id !== image.id) throw new BadDocument('id', id, 'a UUID in small letters');
  return image;
}

function listOf(answer: Answer, name: 'images' | 'members'): readonly Document[] {
  if (answer.status !== 200) throw unexpected(answer);
  const list = (answer.document as Document | null | undefined)?.[name];
  const isList = Array.isArray(list) && list.every((each) => typeof each === 'object' && each !== null);
  if (!isList) throw new SourceUnavailable(`its answer is no list of ${name}`);
  return list as Document[];
}

function placeOf(document: Document): SourcePlace {
  const { id } = document;
  if (typeof id !== 'string') throw new SourceUnavailable('an image in its answer has no id');
  return { id, createdAt: timeOf(document, 'created_at') };
}

function timeOf(document: Document, attribute: string): Date {
  try {
    return readTime(attribute, document[attribute]);
  } catch (error) {
    throw new SourceUnavailable((error as Error).message, { cause: error });
  }
}
