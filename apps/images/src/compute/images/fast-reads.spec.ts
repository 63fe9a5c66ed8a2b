import { once } from 'node:events';
import { connect } from 'node:net';
import { developmentAuthenticator, loadPolicy } from '@glimpse/auth';
import type { AuthGuardOptions } from '@glimpse/auth/nestjs';
import {
  CatalogueUnavailable,
  ImageNotFound,
  MarkerNotFound,
  type Catalogue,
  type Identity,
  type Image,
  type ImageCriteria,
  type ImageName,
  type ImagePage,
  type PageDocument,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { imageOf, listOf, membersOf, until } from '@glimpse/domain/testing';
import { CachedImageReader, CachedPages } from '@glimpse/store';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FastifyRequest } from 'fastify';
import { createComputeApp } from '../../startup/compute-app.js';
import { loadSettings } from '../../settings/load.js';
import type { DatabaseProbe } from '../../health/database-probe.js';
import { UnreadLimits } from '../../http/limits.js';
import { pathOf } from '../../http/path.js';
import { loadExtensions } from '../../startup/plugins.js';
import { Telemetry } from '../../telemetry/telemetry.js';
import { ListLimit } from '../../access/list-limit.js';
import { ImageAccess } from '../../access/image-access.js';
import { ListDocuments } from '../../access/list-documents.js';
import { imageRules } from '../../access/image-rules.js';
import { ImageDocuments } from '../../http/image-documents.js';
import { imageView, isSameBase } from './image.view.js';
import type { LinkBase } from '@glimpse/links';

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
  // A project id that no URL may have.
  odd: identity('odd/project'),
  restricted: identity(OWN, {
    accessRules: [{ service: 'compute', method: 'GET', path: '/v2.1/images/*' }],
  }),
  service: identity(OWN, { service: true, roles: ['service'] }),
};

const id = (last: number): string => `aaaaaaaa-0000-4000-8000-00000000000${last}`;
const image = (last: number, changes: Partial<Image>): Image =>
  imageOf({
    id: id(last),
    name: `image ${last}`,
    owner: OWN,
    size: 5,
    properties: { auto_disk_config: 'True' },
    ...changes,
  });
const IMAGES = [
  image(1, {}),
  image(2, { visibility: 'private' }),
  image(3, { visibility: 'shared', members: membersOf({ [OTHER]: 'pending' }) }),
  image(4, { name: '画像 ☃ é', properties: { instance_uuid: 's/1', ключ: 'значение' } }),
  image(5, { name: null, owner: null, updatedAt: new Date('2026-02-01T00:00:00.5Z') }),
];

/** A catalogue in memory: what is in it does not matter here, only which way an answer takes. */
const READER = {
  image(id: string): Promise<Reading<Image>> {
    const value = IMAGES.find((each) => each.id === id);
    return value ? Promise.resolve({ source: 'fresh', value }) : Promise.reject(new ImageNotFound(id));
  },
};
const LISTER = {
  /** While it is set, lists wait for it. */
  held: undefined as Promise<void> | undefined,

  async images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage>> {
    await this.held;
    const images = listOf(IMAGES, criteria, viewer);
    if (!images) throw new MarkerNotFound(criteria.marker!);
    return { source: 'fresh', value: { images, truncated: false } };
  },
  imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>> {
    return this.images(criteria, viewer);
  },
};

/** Counts what came the long way. */
class CountingAccess extends ImageAccess {
  reads = 0;

  override read(id: string, caller: Identity, options?: ReadOptions): Promise<Reading<Image>> {
    this.reads++;
    return super.read(id, caller, options);
  }
}

/** The same of lists. */
class CountingLists extends ListDocuments {
  reads = 0;

  override read(...request: Parameters<ListDocuments['read']>): Promise<Reading<PageDocument>> {
    this.reads++;
    return super.read(...request);
  }
}

describe.each([
  ['the default policy', {}],
  ['a policy that checks each image', { get_image: 'not project_id:%(member)s or role:admin' }],
  ['a policy that shows nothing to some', { get_image: 'role:admin or project_id:' + OTHER }],
])('an image that is shown at once, under %s', (_, rules: Record<string, string>) => {
  let apps: { long: NestFastifyApplication; quick: NestFastifyApplication };
  let access: CountingAccess;
  let lists: CountingLists;
  let pages: CachedPages;
  const ports = { long: 0, quick: 0 };
  /** The number of calls of the authenticator. */
  let authentications = 0;

  beforeAll(async () => {
    const settings = loadSettings({
      GLIMPSE_MAX_MICROVERSION: '2.60',
      GLIMPSE_IMAGE_URL: 'http://image.example.com',
    });
    const plugin = developmentAuthenticator(new Map(Object.entries(TOKENS)), 'http://keystone.example.com');
    const { challenge, authenticate } = await plugin.create({});
    const auth: AuthGuardOptions = {
      authenticator: { challenge, authenticate: (token) => (authentications++, authenticate(token)) },
      serviceType: 'compute',
      pathOf: (request) => pathOf((request as FastifyRequest).raw),
    };
    const subscribe = (): undefined => undefined;
    const notifications = { session: { confirmedAt: Infinity }, subscribe, subscribeToAudiences: subscribe };
    const bounds = { size: 2 ** 20, staleLimit: 300 };
    const reader = new CachedImageReader(READER, notifications, { ...bounds, freshReads: 2 });
    pages = new CachedPages(notifications, bounds);
    const telemetry = new Telemetry({ level: 'fatal', requests: false });
    const extensions = await loadExtensions(settings, telemetry);
    const defaults = imageRules('own').map((rule) => ({ ...rule, text: rules[rule.name] ?? rule.text }));
    const policy = loadPolicy({ defaults });
    const catalogue = { reader, lister: LISTER, cache: reader, pages } as Partial<Catalogue> as Catalogue;
    access = new CountingAccess(catalogue, policy);
    const listLimit = new ListLimit({ poolSize: 10 });
    lists = new CountingLists(access, listLimit);
    const parts = {
      settings,
      access,
      documents: new ImageDocuments(
        { viewOf: (image: Image, base: LinkBase) => imageView(image, base, extensions), isSameBase },
        reader,
      ),
      lists,
      extensions,
      auth,
      health: {
        database: {} as DatabaseProbe,
        stopping: new AbortController().signal,
      },
      telemetry,
      unread: new UnreadLimits(),
      listLimit,
    };
    const appWith = (fast_path: 'on' | 'off'): Promise<NestFastifyApplication> =>
      createComputeApp({ ...parts, settings: { ...settings, fast_path } });
    apps = { long: await appWith('off'), quick: await appWith('on') };
    for (const way of ['long', 'quick'] as const) {
      await apps[way].listen(0, '127.0.0.1');
      ports[way] = (apps[way].getHttpServer().address() as { port: number }).port;
    }
  });
  afterAll(async () => {
    await apps.long.close();
    await apps.quick.close();
  });

  /** The last request on a connection, which closes it: the requests before keep it open. */
  const LAST = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

  /** All bytes of the responses to a request and to {@link LAST}, without what differs each time. */
  async function answer(way: keyof typeof ports, request: string): Promise<string> {
    const socket = connect(ports[way], '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write(request + LAST);
    await once(socket, 'close');
    return Buffer.concat(chunks)
      .toString('latin1')
      .replaceAll(/req-[0-9a-f-]{36}/g, 'req-ID')
      .replaceAll(/^date: .*$/gim, 'date: NOW');
  }

  const tags = new Map<string, string>();
  /** Mostly the usual, sometimes something else: requests that have one thing about them, or two. */
  const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
    fc.oneof(
      { weight: 12, arbitrary: fc.constant(usual) },
      { weight: 1, arbitrary: fc.constantFrom(...others) },
    );
  const rarely = (...values: string[]): fc.Arbitrary<string | undefined> =>
    mostly<string | undefined>(undefined, ...values);
  const prefixes = fc
    .record({
      version: mostly('/v2.1', '/v2', '//v2.1', '/V2.1', '/x/../v2.1'),
      project: mostly('', `/${OWN}`, `/${OTHER}`, '/odd%2Fproject', '/OWN'),
    })
    .map(({ version, project }) => `${version}${project}/images`);
  const shows = fc.record({
    image: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...IMAGES.map((each) => each.id)) },
      { weight: 1, arbitrary: fc.constantFrom(id(9), id(2).toUpperCase(), 'detail', 'none', '') },
    ),
    end: mostly('', '/', '?', '?image_id=x', '/metadata', '/metadata/auto_disk_config', '%20'),
  });
  const listed = fc.record({
    detail: fc.constantFrom('', '/detail'),
    query: fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom('', '', '?limit=2', `?limit=2&marker=${id(3)}`, '?name=image%201'),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          ...['?', '?limit=2&limit=1', '?limit=x', `?marker=${id(9)}`, '?property-ключ=значение', '?a=%ff'],
          ...['/', `?${'a&'.repeat(300)}`],
        ),
      },
    ),
  });
  const targets = fc
    .tuple(
      prefixes,
      fc.oneof(
        shows.map(({ image, end }) => `/${image}${end}`),
        listed.map(({ detail, query }) => detail + query),
      ),
    )
    .map((parts) => parts.join(''));
  const requests = fc.record({
    method: mostly('GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE'),
    target: targets,
    protocol: mostly('1.1', '1.0'),
    tag: mostly(undefined, 'current', 'weak', '*', '"other"', 'broken'),
    headers: fc.record({
      host: mostly<string | undefined>(
        'one.example.com',
        'two.example.com:8774',
        '[::1]',
        'a b',
        'evil/..',
        '',
        undefined,
      ),
      'x-auth-token': fc.constantFrom(...Object.keys(TOKENS), 'own', 'own', 'made up', '', undefined),
      'x-forwarded-proto': rarely('https', 'http', 'HTTPS, http', 'javascript'),
      'cache-control': rarely('no-cache', 'max-age=0', ''),
      'openstack-api-version': rarely(
        'compute 2.35',
        'compute 2.36',
        'compute 2.99',
        'compute latest',
        'compute x',
        'volume 3.0',
        'volume 3.0, Compute 2.7',
      ),
      'x-openstack-nova-api-version': rarely('2.1', '2.20', '2.40', 'latest', '2', ''),
      'x-service-token': rarely('service', 'own', 'made up', ''),
      'content-type': rarely('application/json', 'nonsense'),
      'content-length': rarely('0'),
      connection: rarely('keep-alive', 'Keep-Alive, x', 'close', 'upgrade'),
      expect: rarely('100-continue', 'more'),
    }),
  });

  it('responds to a conditional HEAD with 304 and without a length', async () => {
    const text = (method: string, tag: string): string =>
      `${method} /v2.1/images/${id(1)} HTTP/1.1\r\nhost: a\r\nx-auth-token: admin\r\n` +
      `if-none-match: ${tag}\r\n\r\n`;
    await answer('quick', text('GET', '"none"'));
    const [long, quick] = [await answer('long', text('HEAD', '*')), await answer('quick', text('HEAD', '*'))];
    expect(quick).toBe(long);
    expect(long).toMatch(/^HTTP\/1.1 304 /);
    expect(long.split('\r\n\r\n')[0]).not.toMatch(/^content-length:/im);
  });

  it('is the same, byte for byte, as the one of the routes', async () => {
    const atOnce = { show: 0, list: 0 };
    await fc.assert(
      fc.asyncProperty(requests, async ({ method, target, protocol, tag, headers }) => {
        const known = tags.get(target) ?? '"none"';
        const match = tag
          ?.replace('current', known)
          .replace('weak', `"x", W/${known}`)
          .replace('broken', known.slice(1));
        // Where there is no Host, links have the port, which is another for each.
        const host = headers.host ?? (protocol === '1.0' ? 'old.example.com' : undefined);
        const lines = Object.entries({ ...headers, host, 'if-none-match': match })
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => `${name}: ${value}\r\n`);
        const text = `${method} ${target} HTTP/${protocol}\r\n${lines.join('')}\r\n`;
        authentications = 0;
        const long = await answer('long', text);
        const authenticationsTheLongWay = authentications;
        tags.set(target, /^etag: (.*)\r$/m.exec(long)?.[1] ?? known);
        const before = access.reads + lists.reads;
        authentications = 0;
        const quick = await answer('quick', text);
        expect(quick).toBe(long);
        expect(authentications).toBe(authenticationsTheLongWay);
        const isRead = /^HTTP\/1.1 (?:200|304)/.test(quick) && method !== 'OPTIONS';
        const kind = /\/images(?:\/detail)?(?:\?|$)/.test(target) ? 'list' : 'show';
        if (isRead && access.reads + lists.reads === before) atOnce[kind]++;
      }),
      { numRuns: 1_000 },
    );
    // Else there would be nothing that is compared.
    expect(atOnce.show).toBeGreaterThan(5);
    // A rule that checks each image keeps lists out of memory.
    if (access.permissionsOf(TOKENS.admin).listKey === undefined) expect(atOnce.list).toBe(0);
    else expect(atOnce.list).toBeGreaterThan(5);
  }, 60_000);

  describe('while a page is composed anew', () => {
    const list = (query: string): string =>
      `GET /v2.1/images?${query} HTTP/1.1\r\nhost: a\r\nx-auth-token: admin\r\n\r\n`;
    /** Whether pages are cached, which a rule that checks each image prevents. */
    const isCached = (): boolean => access.permissionsOf(TOKENS.admin).listKey !== undefined;
    /** How many requests have come to wait for a page, in front of the routes or behind. */
    const waiting = (): number => (isCached() ? pages.outcomes.shared : lists.reads);

    /** Requests a page that was cached and has changed, and holds it while others are requested. */
    async function whileComposed(query: string, others: () => Promise<void>, fails = false): Promise<string> {
      for (const _ of [1, 2]) await answer('quick', list(query));
      pages.drop('everyone');
      let end!: () => void;
      LISTER.held = new Promise<void>((resolve, reject) => {
        end = () => (fails ? reject(new CatalogueUnavailable()) : resolve());
      });
      const before = lists.reads;
      const first = answer('quick', list(query));
      await until(() => lists.reads === before + 1);
      await others();
      LISTER.held = undefined;
      end();
      return first;
    }

    it('other requests share it, and the routes do not see them', async () => {
      const query = 'limit=2&name=image%201';
      const others: Promise<string>[] = [];
      let reads!: number;
      const first = await whileComposed(query, async () => {
        const before = waiting();
        reads = lists.reads;
        for (let times = 0; times < 3; times++) others.push(answer('quick', list(query)));
        await until(() => waiting() === before + 3);
      });
      expect(first).toMatch(/^HTTP\/1.1 200 OK[^]*"name":"image 1"/);
      expect(new Set(await Promise.all(others))).toEqual(new Set([first]));
      expect(lists.reads - reads).toBe(isCached() ? 0 : 3);
    });

    it('the routes serve them if it fails, and nothing breaks where clients leave', async () => {
      let other!: Promise<string>;
      const composing = async (): Promise<void> => {
        const before = waiting();
        const leaving = connect(ports.quick, '127.0.0.1').on('error', () => undefined);
        leaving.write(list('limit=3'));
        await until(() => waiting() === before + 1);
        leaving.resetAndDestroy();
        other = answer('quick', list('limit=3'));
        await until(() => waiting() === before + 2);
      };
      expect(await whileComposed('limit=3', composing, true)).toMatch(/^HTTP\/1.1 503 /);
      expect(await other).toMatch(isCached() ? /^HTTP\/1.1 200 / : /^HTTP\/1.1 503 /);
    });
  });

  it('leaves the request to the routes when it fails', async () => {
    const text = `GET /v2.1/images/${id(1)} HTTP/1.1\r\nhost: a\r\nx-auth-token: admin\r\n\r\n`;
    const expected = await answer('quick', text);
    access.readCached = () => {
      throw new Error('of a test');
    };
    try {
      expect(await answer('quick', text)).toBe(expected);
    } finally {
      Reflect.deleteProperty(access, 'readCached');
    }
  });

  it('keeps its connection, for one request after the other', async () => {
    const socket = connect(ports.quick, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString()));
    const request = (end: string): string =>
      `GET /v2.1/images/${id(1)} HTTP/1.1\r\nhost: a\r\nx-auth-token: admin\r\n${end}\r\n`;
    socket.write(request('') + request('') + request('connection: close\r\n'));
    await once(socket, 'close');
    expect(received.match(/HTTP\/1.1 200 OK/g)).toHaveLength(3);
    expect(received.match(/"name":"image 1"/g)).toHaveLength(3);
  });

  it.each(['long', 'quick'] as const)(
    'is not shown behind the last answer of its connection, %s way',
    async (way) => {
      const shown = `GET /v2.1/images/${id(1)} HTTP/1.1\r\nhost: a\r\nx-auth-token: admin\r\n`;
      await answer(way, `${shown}\r\n`);
      const socket = connect(ports[way], '127.0.0.1');
      let received = '';
      socket.on('data', (chunk) => (received += chunk.toString()));
      // Between the bytes of a body and what comes behind it Node lets happen what is due.
      socket.write(`${shown}expect: more\r\n\r\n${shown}content-length: 3\r\n\r\nabc${shown}\r\n`);
      await once(socket, 'close');
      expect(received.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 417']);
      expect(await answer(way, `${shown}\r\n`)).toMatch(/^HTTP\/1.1 200 /);
    },
  );

  it('responds to a client that has closed its half of the connection', async () => {
    const socket = connect({ port: ports.quick, allowHalfOpen: true });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.end(`GET /v2.1/images/${id(1)} HTTP/1.1\r\nhost: a\r\nx-auth-token: admin\r\n\r\n`);
    await once(socket, 'end');
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1.1 200 OK[^]*"name":"image 1"/);
  });
});
