import { once } from 'node:events';
import { connect } from 'node:net';
import { developmentAuthenticator, loadPolicy } from '@glimpse/auth';
import {
  ImageNotFound,
  MarkerNotFound,
  type Catalogue,
  type Identity,
  type Image,
  type ImageCriteria,
  type ImageName,
  type ImagePage,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { imageOf, listOf, membersOf } from '@glimpse/domain/testing';
import { CachedImageReader, CachedPages, type StoredImageObjects } from '@glimpse/store';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FastifyRequest } from 'fastify';
import { ListLimit } from '../../access/list-limit.js';
import { ImageAccess } from '../../access/image-access.js';
import type { CallerPermissions } from '../../access/permissions.js';
import { DataAccess } from '../../access/image-data.js';
import type { ImageImports } from '../../access/image-imports.js';
import type { Transfers } from '../../access/transfers.js';
import { imageRules } from '../../access/image-rules.js';
import type { DatabaseProbe } from '../../health/database-probe.js';
import { UnreadLimits } from '../../http/limits.js';
import { pathOf } from '../../http/path.js';
import { loadSettings } from '../../settings/load.js';
import { createImageApp } from '../../startup/image-app.js';
import { ownDocuments } from '../api-documents.js';
import { Telemetry } from '../../telemetry/telemetry.js';

const OWN = '66c50f42ace742efaaf201e7ba0fe751';
const OTHER = '77d61053bdf853f0bb0312f8cb10f862';

function identity(project: string | null, changes: Partial<Identity> = {}): Identity {
  return {
    userId: 'u',
    userName: 'u',
    scope: project === null ? { kind: 'none' } : { kind: 'project', id: project, name: project },
    roles: ['member'],
    accessRules: null,
    expiresAt: null,
    service: false,
    ...changes,
  };
}
const TOKENS = {
  own: identity(OWN),
  other: identity(OTHER),
  unscoped: identity(null),
  admin: identity(OTHER, { roles: ['admin'] }),
  restricted: identity(OWN, { accessRules: [{ service: 'image', method: 'GET', path: '/v2/images/*' }] }),
  compute: identity(OWN, { accessRules: [{ service: 'compute', method: 'GET', path: '/v2/images/*' }] }),
  service: identity(OWN, { service: true, roles: ['service'] }),
};

const id = (last: number): string => `aaaaaaaa-0000-4000-8000-00000000000${last}`;
const LOCATIONS = { stores: 'fs', direct_url: 'file:///a', locations: [{ url: 'file:///a', metadata: {} }] };
const image = (last: number, changes: Partial<Image>): Image =>
  imageOf({ id: id(last), name: `image ${last}`, owner: OWN, locations: LOCATIONS, ...changes });
const IMAGES = [
  image(1, { tags: ['a', 'ü'] }),
  image(2, { visibility: 'private' }),
  image(3, { visibility: 'shared', members: membersOf({ [OTHER]: 'pending' }) }),
  image(4, { status: 'deactivated', name: '画像 ☃', properties: { '': 'x', kernel_id: null } }),
  image(5, { name: null, owner: null, shownId: id(5).toUpperCase() }),
];

/** A catalogue in memory: which way a request takes does not depend on it. */
const READER = {
  image(wanted: string): Promise<Reading<Image>> {
    const value = IMAGES.find((each) => each.id === wanted.toLowerCase());
    return value ? Promise.resolve({ source: 'fresh', value }) : Promise.reject(new ImageNotFound(wanted));
  },
};

const LISTER = {
  images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage>> {
    const images = listOf(IMAGES, criteria, viewer);
    if (!images) return Promise.reject(new MarkerNotFound(criteria.marker!));
    return Promise.resolve({ source: 'fresh', value: { images, truncated: false } });
  },
  imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>> {
    return this.images(criteria, viewer);
  },
};

/** Counts the reads of the routes. */
class CountingAccess extends ImageAccess {
  reads = 0;
  /** How often permissions were requested: once by the fast path of lists, and twice more by their route. */
  requests = 0;

  override permissionsOf(caller: Identity): CallerPermissions {
    this.requests++;
    return super.permissionsOf(caller);
  }

  override read(wanted: string, caller: Identity, options?: ReadOptions): Promise<Reading<Image>> {
    this.reads++;
    return super.read(wanted, caller, options);
  }
}

const apps: NestFastifyApplication[] = [];
const ports = { off: 0, on: 0 };
let access: CountingAccess;
beforeAll(async () => {
  const settings = loadSettings({ GLIMPSE_IMAGE_SHOW_DIRECT_URL: 'on', GLIMPSE_IMAGE_SHOW_LOCATIONS: 'on' });
  const plugin = developmentAuthenticator(new Map(Object.entries(TOKENS)), 'http://keystone.example.com');
  const subscribe = (): undefined => undefined;
  const notifications = { session: { confirmedAt: Infinity }, subscribe, subscribeToAudiences: subscribe };
  const bounds = { size: 2 ** 20, staleLimit: 300 };
  const reader = new CachedImageReader(READER, notifications, { ...bounds, freshReads: 2 });
  const pages = new CachedPages(notifications, bounds);
  const catalogue = { reader, cache: reader, lister: LISTER, pages } as Partial<Catalogue> as Catalogue;
  access = new CountingAccess(catalogue, loadPolicy({ defaults: imageRules('own') }));
  const parts = {
    access,
    attributesFilled: () => Promise.resolve(true),
    auth: {
      authenticator: await plugin.create({}),
      serviceType: 'compute',
      pathOf: (request: unknown) => pathOf((request as FastifyRequest).raw),
    },
    health: { database: {} as DatabaseProbe, stopping: new AbortController().signal },
    telemetry: new Telemetry({ level: 'fatal', requests: false }),
    unread: new UnreadLimits(),
    listLimit: new ListLimit({ poolSize: 10 }),
    publicUrl: 'http://cloud.example.com/image',
    imports: {} as ImageImports,
    data: new DataAccess(access, {} as StoredImageObjects, undefined, settings.data, {} as Transfers),
    apiDocuments: ownDocuments(settings),
  };
  for (const fast_path of ['off', 'on'] as const) {
    const app = await createImageApp({ ...parts, settings: { ...settings, fast_path } });
    await app.listen(0, '127.0.0.1');
    ports[fast_path] = (app.getHttpServer().address() as { port: number }).port;
    apps.push(app);
  }
});
afterAll(async () => {
  for (const app of apps) await app.close();
});

/** The last request on a connection, which closes it: the requests before keep it open. */
const LAST = 'GET /versions HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

/** All bytes of the responses to a request and to {@link LAST}, without what differs each time. */
async function answer(fastPath: keyof typeof ports, request: string): Promise<string> {
  const socket = connect(ports[fastPath], '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(request + LAST);
  await once(socket, 'close');
  return Buffer.concat(chunks)
    .toString('latin1')
    .replaceAll(/req-[0-9a-f-]{36}/g, 'req-ID')
    .replaceAll(/^date: .*$/gim, 'date: NOW');
}

/** Mostly the usual, sometimes something else: requests that have one thing about them, or two. */
const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
const rarely = (...values: string[]): fc.Arbitrary<string | undefined> =>
  mostly<string | undefined>(undefined, ...values);
const requests = fc.record({
  method: mostly('GET', 'HEAD', 'OPTIONS', 'PATCH', 'DELETE'),
  prefix: mostly('/v2', '/v2.7', '/image/v2', '/image/v2.15', '//v2/', '/v2.16', '/x/../v2', '/%762'),
  list: fc.boolean(),
  query: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        ...[
          '',
          '',
          '?limit=2',
          `?limit=2&marker=${id(3)}`,
          '?name=in:image%201',
          '?tag=a&tag=%C3%BC',
          '?sort=name:asc',
        ],
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        ...['?', '/', '?limit=x', `?marker=${id(9)}`, '?visibility=all', `?${'a&'.repeat(300)}`],
      ),
    },
  ),
  image: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...IMAGES.map((each) => each.id)) },
    { weight: 1, arbitrary: fc.constantFrom(id(9), id(2).toUpperCase(), 'none', '.', '..', '') },
  ),
  end: mostly('', '/', '?', '?_method=DELETE', '/members', '/members/x', '%2Fmembers', '%20'),
  tag: mostly<string | undefined>(undefined, 'current', '*', '"other"'),
  headers: fc.record({
    host: mostly<string | undefined>('one.example.com', '[::1]', 'a b', undefined),
    'x-auth-token': fc.constantFrom(...Object.keys(TOKENS), 'own', 'made up', '', undefined),
    'x-service-token': rarely('service', 'own', 'made up', ''),
    'cache-control': rarely('no-cache', 'max-age=0'),
    'content-length': rarely('0'),
    connection: rarely('keep-alive', 'close'),
    expect: rarely('100-continue', 'more'),
  }),
});

it('is the same with the fast path, byte for byte, as from the route', async () => {
  const tags = new Map<string, string>();
  const fast = { show: 0, list: 0 };
  await fc.assert(
    fc.asyncProperty(requests, async ({ method, prefix, list, query, image: wanted, end, tag, headers }) => {
      const target = `${prefix}/images${list ? query : `/${wanted}${end}`}`;
      const known = tags.get(target) ?? '"none"';
      const lines = Object.entries({ ...headers, 'if-none-match': tag?.replace('current', known) })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}: ${value}\r\n`);
      const text = `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
      const expected = await answer('off', text);
      tags.set(target, /^etag: (.*)\r$/m.exec(expected)?.[1] ?? known);
      const before = list ? access.requests + 1 : access.reads;
      const actual = await answer('on', text);
      expect(actual).toBe(expected);
      const isRead = /^HTTP\/1.1 (?:200|304)/.test(actual) && method !== 'OPTIONS';
      if (isRead && (list ? access.requests : access.reads) === before) fast[list ? 'list' : 'show']++;
    }),
    { numRuns: 600 },
  );
  // Else nothing would be compared.
  expect(fast.show).toBeGreaterThan(5);
  expect(fast.list).toBeGreaterThan(5);
}, 60_000);

it.each([
  ['own', undefined],
  ['admin', LOCATIONS],
] as const)(
  'shows where the data of a deactivated image is to administrators alone: %s',
  async (token, shown) => {
    const text = `GET /v2/images/${id(4)} HTTP/1.1\r\nhost: a\r\nx-auth-token: ${token}\r\n\r\n`;
    for (const fastPath of ['off', 'on', 'on'] as const) {
      const body = /\r\n\r\n(\{.*?\})HTTP/s.exec(await answer(fastPath, text))![1]!;
      const { stores, direct_url, locations } = JSON.parse(body) as Record<string, unknown>;
      expect({ stores, direct_url, locations }).toEqual({ ...LOCATIONS, ...(!shown && NOTHING) });
    }
  },
);
const NOTHING = { stores: undefined, direct_url: undefined, locations: undefined };
