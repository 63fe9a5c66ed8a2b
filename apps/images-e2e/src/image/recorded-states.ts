import { readFileSync } from 'node:fs';
import type { Person } from '../harness/catalogue.js';
import { IDENTITIES, IMAGE_URL, KEYSTONE_URL } from '../harness/service.js';

/** A request to a real Glance, and its response. */
export interface Exchange {
  readonly name: string;
  readonly request: { method: string; path: string; headers: Record<string, string>; body?: unknown };
  readonly response: { status: number; headers: Record<string, string>; body: unknown };
}

export type Document = Record<string, unknown>;

export function readRecording<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../../contract/image/${file}`, import.meta.url), 'utf8')) as T;
}

/** Exchanges that are answered otherwise on purpose, by name. */
export const differences =
  readRecording<Record<string, { ours: string | { status: number } }>>('image-v2-differences.json');

/** The callers of the recording; the token of each is its name. */
export const CALLERS: Readonly<Record<string, Person>> = {
  ...IDENTITIES,
  system: { roles: ['admin', 'member', 'reader'] },
  unscoped: { roles: [] },
};

/** Replaces the names of projects and services in the recording with this run's. */
export function filledIn<T>(value: T): T {
  const projects = Object.entries(IDENTITIES).map(([name, { project_id }]) => [`{${name}}`, project_id]);
  const values = [['{image}', IMAGE_URL], ['{keystone}', KEYSTONE_URL], ...projects];
  const text = values.reduce((all, [name, real]) => all.replaceAll(name!, real!), JSON.stringify(value));
  return JSON.parse(text) as T;
}

/** Replaces the ids that Glance chose, which have names like `{id 3}`. */
export function idsFilledIn<T>(value: T, idOf: (name: string) => string): T {
  return JSON.parse(JSON.stringify(value).replace(/\{id \d+\}/g, idOf)) as T;
}

/** A body in which times have their form only, tags are a set, and links a set of parameters. */
export function comparable(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body), (key, value: unknown) => {
    if (key === 'created_at' || key === 'updated_at') return String(value).replace(/\d/g, '0');
    if (key === 'tags' && Array.isArray(value)) return [...(value as string[])].sort();
    if ((key === 'first' || key === 'next') && typeof value === 'string') return linkOf(value);
    return value;
  });
}

function linkOf(link: string): object {
  const { pathname, searchParams } = new URL(link, IMAGE_URL);
  return { pathname, parameters: [...searchParams].map(String).sort() };
}

/** The catalogue at one point of the recording, as an import has it. */
export interface State {
  readonly images: Document[];
  readonly members: Record<string, Document[]>;
}

const IMAGE_PATH = /^\/v2\/images\/([^/?]+)/;
const MEMBER_PATH = /^\/v2\/images\/([^/?]+)\/members(?:\/([^/?]+))?$/;

function isChange({ request, response }: Exchange): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(request.method) && response.status < 300;
}

function readsImages({ request }: Exchange): boolean {
  return /^\/+v2\/images/.test(request.path);
}

/** The documents of images in the body of a response. */
function documentsIn(body: unknown): Document[] {
  const { images, id } = (body ?? {}) as { images?: Document[]; id?: unknown };
  return images ?? (id === undefined ? [] : [body as Document]);
}

/** The recording, and the state of the catalogue at each of its points, as its responses show it. */
export class Recording {
  constructor(
    private readonly exchanges: readonly Exchange[],
    private readonly initial: readonly (Document & { members?: Document[] })[],
  ) {}

  /**
   * Groups of reads between which nothing was changed, with the state that they read. Reads that depend on no image are
   * in the next group.
   */
  phases(): { reads: Exchange[]; state: State }[] {
    const phases: { reads: Exchange[]; state: State }[] = [];
    let reads: Exchange[] = [];
    this.exchanges.forEach((exchange, at) => {
      if (isChange(exchange) && reads.some(readsImages)) reads = [];
      if (!['GET', 'HEAD', 'OPTIONS'].includes(exchange.request.method)) return;
      if (readsImages(exchange) && !reads.some(readsImages)) {
        phases.push({ reads, state: this.#stateAt(at) });
      }
      reads.push(exchange);
    });
    return phases;
  }

  #stateAt(at: number): State {
    const ids = new Set([
      ...this.initial.map(({ id }) => id as string),
      ...this.exchanges
        .slice(0, at)
        .filter((each) => isChange(each) && each.request.path === '/v2/images')
        .map(({ response }) => (response.body as Document)['id'] as string),
    ]);
    const images = [...ids].flatMap((id): Document[] => {
      const document = this.#documentAt(id, at);
      return document ? [document] : [];
    });
    const members = images.map(({ id }) => [id, this.#membersAt(id as string, at)] as const);
    return { images, members: Object.fromEntries(members) };
  }

  /** The document of an image that was shown last before a point, or first after it if nothing changed between. */
  #documentAt(id: string, at: number): Document | undefined {
    const changes = this.exchanges.map((each) => isChange(each) && changedImage(each) === id);
    if (this.exchanges.some((each, index) => index < at && changes[index] && isDeletion(each)))
      return undefined;
    const next = changes.indexOf(true, at);
    const last = changes.lastIndexOf(true, at - 1);
    const shown = (from: number, to: number): Document[] =>
      this.exchanges
        .slice(Math.max(from, 0), Math.max(to, 0))
        .flatMap(({ response }) => documentsIn(response.body))
        .filter((document) => document['id'] === id);
    const current = shown(last, next < 0 ? this.exchanges.length : next);
    const initial = this.initial.filter((document) => document['id'] === id);
    return current[0] ?? shown(0, last).at(-1) ?? withoutMembers(initial[0]!);
  }

  #membersAt(id: string, at: number): Document[] {
    const members = new Map<unknown, Document>();
    for (const member of this.initial.find((each) => each['id'] === id)?.members ?? []) {
      members.set(member['member_id'], member);
    }
    for (const exchange of this.exchanges.slice(0, at)) {
      const [, image, member] = MEMBER_PATH.exec(exchange.request.path) ?? [];
      if (image !== id || !isChange(exchange)) continue;
      const body = exchange.response.body as Document;
      if (exchange.request.method === 'DELETE') members.delete(member);
      else members.set(body['member_id'], body);
    }
    return [...members.values()];
  }
}

function changedImage({ request, response }: Exchange): string | undefined {
  if (MEMBER_PATH.test(request.path)) return undefined;
  return IMAGE_PATH.exec(request.path)?.[1] ?? ((response.body as Document)?.['id'] as string);
}

function isDeletion({ request }: Exchange): boolean {
  return request.method === 'DELETE' && /^\/v2\/images\/[^/]+$/.test(request.path);
}

function withoutMembers({ members: _, ...document }: Document & { members?: Document[] }): Document {
  return document;
}
