import {
  CannotAsk,
  type Endpoint,
  type RestrictedToken,
  type ServiceCredentials,
  type ServiceToken,
} from '@glimpse/auth';
import {
  ChangeConflict,
  ChangeRefused,
  ImageNotFound,
  ImageProtected,
  NotOwner,
  QuotaExceeded,
  SOURCE_DOCUMENTS,
  SourceUnavailable,
  type SourceDocumentName,
} from '@glimpse/domain';
import { definePlugin, type ImageSource, type SourceQuery } from '@glimpse/plugins';
import { checkImageSource } from '@glimpse/plugins/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeGlance, ODDITIES, type GlanceBehaviour } from '../testing/index.js';
import { createGlanceSource } from './glance-source.js';
import type { GlanceOptions } from './options.js';

const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000';
const UNHIDDEN: SourceQuery = { hidden: false };

class NoCredential extends CannotAsk {
  readonly code = 'no-credential';
  readonly affectsOthers = 'no';
}

/** The service's credentials without a Keystone: a new token whenever the last one was dropped. */
class Credentials implements ServiceCredentials {
  roles = ['service', 'admin'];
  catalog: Endpoint[] = [];
  issued = 0;
  makesCredentials = true;
  #current?: ServiceToken;

  constructor(
    private readonly glance: FakeGlance,
    private readonly name = 'own',
  ) {}

  token(): ServiceToken {
    const { roles, catalog } = this;
    if (this.#current) return this.#current;
    const token = `${this.name} ${++this.issued}`;
    this.glance.admit(token, { projectId: 'service', roles });
    return (this.#current = { token, roles, catalog });
  }

  async confirmed(): Promise<ServiceToken> {
    const { roles, catalog } = this;
    return { ...this.token(), roles, catalog };
  }

  async withRestrictedToken<T>(
    { accessRules, roles = this.roles }: { accessRules?: readonly object[]; roles?: readonly string[] },
    use: (token: RestrictedToken) => Promise<T>,
  ): Promise<T> {
    if (!this.makesCredentials) throw new NoCredential('no credential for you');
    const end = Date.now() + 50;
    const token = `${this.name} restricted`;
    this.glance.admit(token, {
      projectId: 'service',
      roles,
      restricted: accessRules !== undefined,
      get expired() {
        return Date.now() >= end;
      },
    });
    return use({ token, endsIn: 50 });
  }

  drop({ token }: ServiceToken): void {
    if (this.#current?.token === token) this.#current = undefined;
  }
}

describe('a Glance as a source of images', () => {
  let glance: FakeGlance;
  let credentials: Credentials;
  let serviceUser: Credentials;
  let source: ImageSource;

  const make = (options: Partial<GlanceOptions> = {}): ImageSource =>
    createGlanceSource({ url: glance.url, timeout: 1, ...options }, credentials, { serviceUser });
  const withoutServiceUser = (): ImageSource => createGlanceSource({ url: glance.url }, credentials);

  const reason = async (pending: Promise<unknown>): Promise<string> => {
    const error = await pending.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(SourceUnavailable);
    return (error as SourceUnavailable).reason;
  };

  beforeEach(async () => {
    glance = await FakeGlance.start();
    glance.admit('theirs', { projectId: 'demo', roles: ['member'] });
    credentials = new Credentials(glance);
    serviceUser = new Credentials(glance, 'service user');
    serviceUser.roles = ['service'];
    source = make();
  });

  afterEach(() => glance.close());

  describe('where it is', () => {
    const endpoint = (url: string, more: Partial<Endpoint> = {}): Endpoint => ({
      type: 'image',
      interface: 'public',
      region: 'one',
      url,
      ...more,
    });

    it.each(['', '/', '/v2', '/v2/'])('is the configured URL, which ends in %j', async (end) => {
      source = make({ url: glance.url + end });
      expect(source.url).toBe(glance.url);
      expect(await source.image(UNKNOWN_ID)).toBeUndefined();
    });

    it('is that of the catalog, once there is a token', async () => {
      credentials.catalog = [
        endpoint('http://127.0.0.1:1', { type: 'compute' }),
        endpoint('http://127.0.0.1:1', { interface: 'internal' }),
        endpoint('http://127.0.0.1:1'),
        endpoint(`${glance.url}/v2/`, { region: 'two' }),
      ];
      source = make({ url: undefined, region: 'two' });
      expect(source.url).toBeUndefined();
      expect(await source.image(UNKNOWN_ID)).toBeUndefined();
      expect(source.url).toBe(glance.url);
    });

    it('is unknown when the catalog has none', async () => {
      source = make({ url: undefined, interface: 'internal', region: 'two' });
      expect(await reason(source.page(UNHIDDEN))).toBe(
        "Keystone's catalog has no image endpoint internal in the region two",
      );
    });
  });

  describe('a list', () => {
    it('is read page by page, in the order of places, hidden images separately', async () => {
      source = make({ pageSize: 2 });
      const made = [3, 1, 2, 5, 4].map((n) => glance.add({ created_at: `2026-01-01T00:00:0${n}Z` }).id);
      const { id: hidden } = glance.add({ os_hidden: true });
      const listed: string[] = [];
      let query = UNHIDDEN;
      for (;;) {
        const { images, bad, next } = await source.page(query);
        expect(bad).toEqual([]);
        listed.push(...images.map(({ id }) => id));
        if (!next) break;
        query = { ...query, after: next };
      }
      expect(listed).toEqual([1, 2, 0, 4, 3].map((at) => made[at]));
      expect((await source.page({ hidden: true })).images.map(({ id }) => id)).toEqual([hidden]);
    });

    it('goes on behind an image that was deleted or purged since', async () => {
      source = make({ pageSize: 1 });
      const [first, second] = [1, 2].map((n) => glance.add({ created_at: `2026-01-01T00:00:0${n}Z` }));
      const { next } = await source.page(UNHIDDEN);
      glance.purge(first!.id);
      const { images } = await source.page({ hidden: false, after: next! });
      expect(images.map(({ id }) => id)).toEqual([second!.id]);
    });

    it('has what changed in a second or later', async () => {
      const [, changed] = [1, 2].map((n) => glance.add({ updated_at: `2026-01-01T00:00:0${n}Z` }));
      const changedSince = new Date('2026-01-01T00:00:02Z');
      const { images } = await source.page({ hidden: false, changedSince });
      expect(images.map(({ id }) => id)).toEqual([changed!.id]);
    });

    it('names an image that no catalogue can hold, and has the others', async () => {
      const { id } = glance.add();
      glance.add({ id: UNKNOWN_ID, min_disk: -1 });
      const { images, bad } = await source.page(UNHIDDEN);
      expect(images.map((image) => image.id)).toEqual([id]);
      expect(bad).toEqual([
        `image "${UNKNOWN_ID}": min_disk is -1; it must be a whole number from 0 to 2147483647`,
      ]);
    });

    it('requests fewer at a time when a page is too long', async () => {
      const properties = Object.fromEntries(
        Array.from({ length: 100 }, (_, n) => [`long${n}`, 'x'.repeat(65_000)]),
      );
      for (let n = 0; n < 8; n++) glance.add(properties);
      const { images, next } = await make({ timeout: 30 }).page(UNHIDDEN);
      expect(next).toMatchObject({ id: images.at(-1)!.id });
      expect(glance.calls.length).toBeGreaterThan(1);
    }, 60_000);

    it('has the time of the last change, hidden or not', async () => {
      expect(await source.newestChange()).toBeUndefined();
      glance.add({ updated_at: '2026-01-01T00:00:01Z' });
      glance.add({ updated_at: '2026-01-01T00:00:03Z', os_hidden: true });
      glance.add({ updated_at: '2026-01-01T00:00:02Z' });
      expect(await source.newestChange()).toEqual(new Date('2026-01-01T00:00:03Z'));
      glance.behave(
        ODDITIES.attribute(glance.add({ updated_at: '2026-01-01T00:00:04Z' }).id, 'updated_at', 'soon'),
      );
      expect(await source.newestChange()).toEqual(new Date('2026-01-01T00:00:03Z'));
    });

    it('has the time of the last change also where no time of a list can be read', async () => {
      glance.add({ updated_at: '2026-01-01T00:00:01Z' });
      const { id } = glance.add({ updated_at: '2026-01-01T00:00:02Z', os_hidden: true });
      glance.behave(ODDITIES.attribute(id, 'updated_at', 'soon'));
      expect(await source.newestChange()).toEqual(new Date('2026-01-01T00:00:01Z'));
    });

    it('has the time of its request by the clock of Glance, never later', async () => {
      glance.configure({ clockAhead: 3_600_000 });
      const before = Date.now() + 3_600_000;
      const { requestedAt } = await source.page(UNHIDDEN);
      expect(requestedAt!.getTime()).toBeLessThanOrEqual(before + 1_000);
      expect(requestedAt!.getTime()).toBeGreaterThan(before - 10_000);
    });
  });

  describe('an odd list', () => {
    it.each<[string, (id: string) => GlanceBehaviour, RegExp]>([
      [
        'a name that is nested 200,000 deep',
        (id) => ODDITIES.deepName(id, 200_000),
        /^image "\S+": name is \[+…\]+; it must be text/,
      ],
      [
        'a name with U+0000',
        (id) => ODDITIES.attribute(id, 'name', 'a\0'),
        /name is "a\\u0000"; it must be text/,
      ],
      [
        'a name that is an object',
        (id) => ODDITIES.attribute(id, 'name', { toString: 1 }),
        /name is {"toString":1}/,
      ],
      [
        'an updated_at that is no time',
        (id) => ODDITIES.attribute(id, 'updated_at', '2026-02-30T00:00:00Z'),
        /updated_at/,
      ],
      ['no created_at', (id) => ODDITIES.attribute(id, 'created_at', undefined), /created_at is missing/],
      ['no owner', (id) => ODDITIES.attribute(id, 'owner', undefined), /owner is missing/],
      ['an owner that is a number', (id) => ODDITIES.attribute(id, 'owner', 7), /owner is 7/],
    ])('has an image with %s, which is left out, and the others', async (_what, behaviour, problem) => {
      source = make({ pageSize: 2 });
      const ids = [1, 2, 3].map((n) => glance.add({ created_at: `2026-01-01T00:00:0${n}Z` }).id);
      glance.behave(behaviour(ids[1]!));
      const first = await source.page(UNHIDDEN);
      expect(first.images.map(({ id }) => id)).toEqual([ids[0]]);
      expect(first.bad).toEqual([expect.stringMatching(problem)]);
      expect(first.badIds).toEqual([ids[1]]);
      const { images, next } = await source.page({ ...UNHIDDEN, after: first.next! });
      expect([images.map(({ id }) => id), next]).toEqual([[ids[2]], undefined]);
    });

    it('has an image with a name that is nested deep, which is refused by its id, too', async () => {
      const [odd, other] = [glance.add(), glance.add()];
      glance.behave(ODDITIES.deepName(odd.id, 200_000));
      await expect(source.image(odd.id)).rejects.toMatchObject({ code: 'bad-document' });
      expect((await source.image(other.id))?.id).toBe(other.id);
    });

    it.each([[null], ['image'], [[]], [{}], [{ id: 7 }], [{ id: 'a\0' }]])(
      'has %j beside its images, which is left out',
      async (element) => {
        const { id } = glance.add();
        glance.behave(ODDITIES.element(element));
        const { images, bad } = await source.page(UNHIDDEN);
        expect([images.map((image) => image.id), bad.length]).toEqual([[id], 1]);
      },
    );

    it('has an image that is too long by itself, which is left out, and the list goes on behind it', async () => {
      const properties = Object.fromEntries(
        Array.from({ length: 520 }, (_, n) => [`long${n}`, 'x'.repeat(65_000)]),
      );
      source = make({ timeout: 60, pageSize: 1 });
      const [long, other] = [properties, {}].map((more, n) =>
        glance.add({ ...more, created_at: `2026-01-01T00:00:0${n}Z` }),
      );
      const first = await source.page(UNHIDDEN);
      expect(first.images).toEqual([]);
      expect(first.bad).toEqual([`image "${long!.id}": its answer is longer than 33554432 bytes`]);
      expect(first.badIds).toEqual([long!.id]);
      const { images } = await source.page({ ...UNHIDDEN, after: first.next! });
      expect(images.map(({ id }) => id)).toEqual([other!.id]);
      await expect(source.image(long!.id)).rejects.toMatchObject({ code: 'bad-document' });
    }, 60_000);

    it('gets the request for the next page at the same address, whatever the link is', async () => {
      source = make({ pageSize: 1 });
      const ids = [1, 2].map((n) => glance.add({ created_at: `2026-01-01T00:00:0${n}Z` }).id);
      glance.behave(ODDITIES.next('http://127.0.0.1:1/v2/images?marker=x'));
      const { next } = await source.page(UNHIDDEN);
      const { images } = await source.page({ ...UNHIDDEN, after: next! });
      expect(images.map(({ id }) => id)).toEqual([ids[1]]);
    });

    it.each([[7], [{}], [false]])('is unavailable where its next page is %j', async (next) => {
      glance.behave(ODDITIES.next(next));
      expect(await reason(source.page(UNHIDDEN))).toMatch(/^next in its answer is .*; it must be a path$/);
    });

    it('is unavailable where it goes on behind nothing', async () => {
      glance.behave({ json: { images: [{}], next: '/v2/images?marker=x' } });
      expect(await reason(source.page(UNHIDDEN))).toMatch(/without an image that has an id$/);
    });
  });

  describe('a document of the service', () => {
    it.each(SOURCE_DOCUMENTS)('is that of Glance: %s', async (name) => {
      expect(await source.document!(name)).toEqual(glance.documents[name]);
    });

    it('is null where Glance has no such information', async () => {
      glance.documents['info/stores'] = null;
      expect(await source.document!('info/stores')).toBeNull();
    });

    it('is read of versions that are choices', async () => {
      const text = JSON.stringify(glance.documents.versions);
      glance.behave({ status: 300, text });
      expect(await source.document!('versions')).toEqual(glance.documents.versions);
      expect(await reason(source.document!('schemas/image'))).toBe('it answers 300');
    });

    it.each<[SourceDocumentName, unknown, RegExp]>([
      ['schemas/image', [], /^its answer is no document schemas\/image$/],
      ['info/import', null, /^its answer is no document/],
      ['versions', { versions: [{ id: 'v2.0' }] }, /^its answer has no versions$/],
      ['versions', { versions: [{ links: [{ href: 7 }] }] }, /^its answer has no versions$/],
      [
        'schemas/image',
        { name: 'x'.repeat(2 ** 20) },
        /^its document schemas\/image is longer than 1048576 /,
      ],
    ])('is no %s that is odd', async (name, json, problem) => {
      glance.behave({ json });
      expect(await reason(source.document!(name))).toMatch(problem);
    });

    it('that is missing is none of the service behind a proxy', async () => {
      glance.behave({ status: 404 });
      expect(await reason(source.document!('schemas/image'))).toBe('it answers 404');
    });
  });

  it('has members that no catalogue can hold', async () => {
    const { id } = glance.add();
    for (const member of [
      null,
      'p1',
      {},
      { member_id: 'p1' },
      { member_id: 'p1', status: 'new' },
      { member_id: 'a\0', status: 'pending' },
    ]) {
      glance.behave({ json: { members: [member] } });
      await expect(source.members(id)).rejects.toMatchObject({ code: 'bad-document' });
    }
  });

  it.each([
    ['the 404 of a proxy', { status: 404 } as const],
    ['an error document with status 200', { json: { message: 'not now', code: '503' } }],
    ['a message of a megabyte of markup', { json: { message: '<'.repeat(1_000_000) } }],
  ])('does not report an image as missing by %s', async (_what, behaviour) => {
    glance.behave(behaviour);
    await reason(source.image(UNKNOWN_ID));
    await reason(source.members(UNKNOWN_ID));
  });

  describe('one image', () => {
    it('is read with its members', async () => {
      const { id } = glance.add({ os_distro: 'debian' });
      glance.share(id, 'p1');
      glance.share(id, 'p2', 'accepted');
      expect(await source.image(id)).toMatchObject({ id, properties: { os_distro: 'debian' } });
      expect(await source.members(id)).toMatchObject({
        imageId: id,
        members: new Map([
          ['p1', expect.objectContaining({ status: 'pending' })],
          ['p2', expect.objectContaining({ status: 'accepted' })],
        ]),
      });
    });

    it('has no members unless it is shared', async () => {
      const { id } = glance.add({ visibility: 'private' });
      expect(await source.members(id)).toEqual({ imageId: id, members: new Map() });
    });

    it('is not there', async () => {
      expect(await source.image(UNKNOWN_ID)).toBeUndefined();
      expect(await source.members(UNKNOWN_ID)).toBeUndefined();
    });

    it('is there, and no catalogue can hold it', async () => {
      const { id } = glance.add({ os_distro: 'a\0' });
      await expect(source.image(id)).rejects.toMatchObject({ code: 'bad-document' });
    });

    it('is not another one', async () => {
      glance.behave({ json: glance.add() });
      expect(await reason(source.image(UNKNOWN_ID))).toBe(`its answer is not the image ${UNKNOWN_ID}`);
    });
  });

  it('conforms to the contract of a source', async () => {
    for (const n of [1, 1, 2, 3]) {
      glance.add({ created_at: `2026-01-01T00:00:0${n}Z`, updated_at: `2026-02-01T00:00:0${n}Z` });
    }
    glance.share(glance.add({ os_hidden: true, updated_at: '2026-01-01T00:00:00Z' }).id, 'p1', 'accepted');
    const { id: image } = glance.add({ updated_at: '2026-01-01T00:00:00Z', os_distro: 'debian' });
    const plugin = definePlugin({
      kind: 'image-source',
      contract: 1,
      create: () => make({ pageSize: 2 }),
    });
    await checkImageSource(plugin, { image, token: 'theirs' });
  });

  it('lacks read access without the administrator’s role, whatever its token has', async () => {
    expect(await source.missingReadAccess()).toBeUndefined();
    credentials.roles = ['reader', 'service'];
    expect(await source.missingReadAccess()).toMatch(
      /lacks the role admin .*\(the roles are reader, service\)$/,
    );
    credentials.roles = ['Admin'];
    expect(await source.missingReadAccess()).toBeUndefined();
    expect(await make({ adminRole: 'image_admin' }).missingReadAccess()).toMatch(
      /lacks the role image_admin /,
    );
  });

  /** Which tokens came with each request: the caller's, and the one beside it. */
  const sent = (): [string?, string?][] =>
    glance.calls.map(({ token, serviceToken }) => [token, serviceToken]);

  describe('tested whether it accepts callers’ tokens', () => {
    it('is tested with the service user’s alone', async () => {
      expect(await source.missingWriteAccess!()).toBeUndefined();
      expect(sent()).toEqual(Array(2).fill(['service user restricted', 'service user 1']));
    });

    it('accepts none without a service type', async () => {
      glance.configure({ serviceType: '' });
      expect(await source.missingWriteAccess!()).toMatch(/access rules .* service_type = image$/);
    });

    it('accepts none without the service user’s role', async () => {
      glance.configure({ serviceTokenRoles: ['mesh'] });
      expect(await source.missingWriteAccess!()).toMatch(/just expired .* service_token_roles$/);
    });

    it.each([[['service', 'member']], [['admin']], [['service', 'Admin', 'member']]])(
      'may not get the roles %j of the service user',
      async (roles) => {
        serviceUser.roles = roles;
        const others = roles.filter((role) => role !== 'service').join(', ');
        expect(await source.missingWriteAccess!()).toContain(`has the role ${others} besides service`);
        expect(sent()).toEqual([]);
      },
    );

    it('cannot be tested without a service user', async () => {
      expect(await reason(withoutServiceUser().missingWriteAccess!())).toMatch(/^there is no service user/);
    });

    it('cannot be tested where Keystone gives no token for it', async () => {
      serviceUser.makesCredentials = false;
      expect(await reason(source.missingWriteAccess!())).toMatch(/no credential for you$/);
    });

    it('cannot be tested where its response is none of Glance', async () => {
      glance.behave({ status: 500 });
      expect(await reason(source.missingWriteAccess!())).toMatch(/it answers 500$/);
    });
  });

  describe('tested whether it lists images to a service role', () => {
    it('is tested with the service user’s token', async () => {
      expect(await source.listAccess!()).toEqual({ roles: ['service'], allowed: true });
      expect(sent()).toEqual([['service user 1', undefined]]);
      glance.behave({ status: 403 });
      expect(await source.listAccess!()).toEqual({ roles: ['service'], allowed: false });
    });

    it('is tested with a token of the reader that has no other role, where there is no service user', async () => {
      expect(await withoutServiceUser().listAccess!()).toEqual({ roles: ['service'], allowed: true });
      expect(sent()).toEqual([['own restricted', undefined]]);
    });

    it('cannot be tested where its response is none of Glance', async () => {
      glance.behave({ status: 500 });
      expect(await reason(source.listAccess!())).toMatch(/it answers 500$/);
    });
  });

  describe('a change', () => {
    it('is sent with the caller’s token alone', async () => {
      const { id } = glance.add({ gone: 'x', kept: 'y' });
      const change = { kind: 'replace', properties: { kept: 'z', 'a/b~c': '' } } as const;
      await source.changeProperties(id, change, { gone: 'x', kept: 'y' }, 'theirs');
      const call = glance.calls.at(-1)!;
      expect(call).toMatchObject({
        method: 'PATCH',
        token: 'theirs',
        contentType: 'application/openstack-images-v2.1-json-patch',
      });
      expect(call.serviceToken).toBeUndefined();
      expect(JSON.parse(call.body)).toEqual([
        { op: 'remove', path: '/gone' },
        { op: 'add', path: '/kept', value: 'z' },
        { op: 'add', path: '/a~1b~0c', value: '' },
      ]);
      expect((await source.image(id))?.properties).toEqual({ kept: 'z', 'a/b~c': '' });
    });

    it('names neither what already is as it wants it nor what it is to leave alone', async () => {
      const { id } = glance.add({ same: 'x', hidden: 'y', gone: 'z' });
      const change = {
        kind: 'replace',
        properties: { same: 'x', added: 'a' },
        keep: ['hidden', 'elsewhere'],
      } as const;
      await source.changeProperties(id, change, { same: 'x', hidden: 'y', gone: 'z' }, 'theirs');
      expect(JSON.parse(glance.calls.at(-1)!.body)).toEqual([
        { op: 'remove', path: '/gone' },
        { op: 'add', path: '/added', value: 'a' },
      ]);
      expect((await source.image(id))?.properties).toEqual({ same: 'x', hidden: 'y', added: 'a' });
    });

    it.each([
      ['has just expired', { expired: true }],
      ['has access rules', { restricted: true }],
    ])('is sent with the service user’s beside one that %s', async (_what, more) => {
      const { id } = glance.add();
      glance.admit('theirs', { projectId: 'demo', roles: ['member'], ...more });
      await source.deleteImage(id, 'theirs');
      expect(sent()).toEqual([
        ['theirs', undefined],
        ['theirs', 'service user 1'],
      ]);
      expect(await source.image(id)).toBeUndefined();
    });

    it('is sent with the caller’s token alone where there is no service user', async () => {
      glance.admit('theirs', { projectId: 'demo', roles: ['member'], restricted: true });
      expect(await reason(withoutServiceUser().deleteImage(UNKNOWN_ID, 'theirs'))).toMatch(
        /401 to a caller's token: one with access rules needs a service user$/,
      );
      expect(sent()).toEqual([['theirs', undefined]]);
    });

    it('is never sent with the token of an administrator beside the caller’s', async () => {
      glance.admit('theirs', { projectId: 'demo', roles: ['member'], restricted: true });
      serviceUser.roles = ['service', 'Admin'];
      expect(await reason(source.deleteImage(UNKNOWN_ID, 'theirs'))).toMatch(
        /service user has the role admin/,
      );
      expect(sent()).toEqual([['theirs', undefined]]);
    });

    it('is sent once more with a new token of the service user', async () => {
      const { id } = glance.add();
      glance.admit('theirs', { projectId: 'demo', roles: ['member'], expired: true });
      serviceUser.token();
      glance.dismiss('service user 1');
      await source.deleteImage(id, 'theirs');
      expect(sent().at(-1)).toEqual(['theirs', 'service user 2']);
    });

    it('is refused for a reason', async () => {
      const open = glance.add({ owner: 'p1', visibility: 'community' });
      const own = glance.add({ protected: true });
      const set = (id: string, properties: Record<string, string>): Promise<void> =>
        source.changeProperties(id, { kind: 'merge', properties }, {}, 'theirs');
      await expect(set(UNKNOWN_ID, { a: 'b' })).rejects.toThrow(new ImageNotFound(UNKNOWN_ID));
      await expect(set(open.id, { a: 'b' })).rejects.toThrow(new NotOwner(open.id, 'change'));
      await expect(set(own.id, { os_glance_x: 'b' })).rejects.toThrow(NotOwner);
      await expect(set(own.id, { '😀': 'b' })).rejects.toThrow(
        new ChangeRefused("Property names can't contain 4 byte unicode."),
      );
      const many = Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`k${n}`, '']));
      await expect(set(own.id, many)).rejects.toThrow(new QuotaExceeded(128));
      const remove = { kind: 'remove', key: 'none' } as const;
      await expect(source.changeProperties(own.id, remove, {}, 'theirs')).rejects.toThrow(
        new ChangeConflict(own.id),
      );
      await expect(source.deleteImage(own.id, 'theirs')).rejects.toThrow(new ImageProtected(own.id));
      await expect(source.deleteImage(open.id, 'theirs')).rejects.toThrow(new NotOwner(open.id, 'delete'));
      await expect(source.deleteImage(UNKNOWN_ID, 'theirs')).rejects.toThrow(new ImageNotFound(UNKNOWN_ID));
    });

    it('names what Glance may lack where it accepts the token in no way', async () => {
      expect(await reason(source.deleteImage(UNKNOWN_ID, 'unknown'))).toMatch(
        /service_type = image.*service_token_roles/,
      );
    });
  });

  describe('the service’s own token', () => {
    it('is replaced once for all requests when Glance no longer accepts it', async () => {
      await source.image(UNKNOWN_ID);
      glance.dismiss('own 1');
      await Promise.all([source.image(UNKNOWN_ID), source.image(UNKNOWN_ID), source.page(UNHIDDEN)]);
      expect(credentials.issued).toBe(2);
    });

    it('is not replaced again and again when that does not help', async () => {
      glance.behave({ status: 401 });
      for (let n = 0; n < 5; n++) {
        expect(await reason(source.image(UNKNOWN_ID))).toBe("it answers 401 to this service's own token");
      }
      expect(credentials.issued).toBe(2);
    });

    it('may not be had', async () => {
      class Away extends CannotAsk {
        readonly code = 'away';
        readonly affectsOthers = 'certainly';
      }
      credentials.token = () => {
        throw new Away('it answers 503');
      };
      expect(await reason(source.page(UNHIDDEN))).toBe('Keystone gives no token for it: it answers 503');
    });
  });

  describe.each<[string, GlanceBehaviour, RegExp]>([
    ['does not respond', 'hang', /^it does not answer within 1 s$/],
    ['cuts the connection', 'cut', /^(?:UND_ERR_SOCKET|ECONNRESET)$/],
    ['cuts it in the middle of an answer', 'half-body', /^(?:UND_ERR_\w+|ECONNRESET|terminated)$/],
    ['is broken', { status: 500 }, /^it answers 500$/],
    ['is somewhere else', { status: 301 }, /^it answers 301$/],
    ['speaks no JSON', 'not-json', /^its answer is n/],
    ['speaks of something else', { json: { images: {}, members: 7 } }, /^its answer is n/],
    ['answers null', { json: null }, /^its answer is n/],
  ])('a Glance that %s', (_name, behaviour, expected) => {
    it('is unavailable to reading', async () => {
      const { id } = glance.add();
      glance.behave(behaviour);
      const pending = [source.page(UNHIDDEN), source.newestChange(), source.image(id), source.members(id)];
      for (const each of await Promise.all(pending.map(reason))) expect(each).toMatch(expected);
    });
  });

  it.each<GlanceBehaviour>(['hang', 'cut', 'half-body', { status: 503 }, { status: 429 }])(
    'a change is unavailable, and sent once, when the answer is %j',
    async (behaviour) => {
      const { id } = glance.add();
      glance.behave(behaviour);
      const change = { kind: 'merge', properties: { a: 'b' } } as const;
      await reason(source.changeProperties(id, change, {}, 'theirs'));
      expect(glance.calls).toHaveLength(1);
    },
  );

  it('is unavailable when nothing listens', async () => {
    await glance.close();
    expect(await reason(source.page(UNHIDDEN))).toBe('ECONNREFUSED');
    glance = await FakeGlance.start();
  });

  it('is given up when its answer is no longer wanted', async () => {
    glance.behave('hang');
    const given = new AbortController();
    const pending = reason(source.page(UNHIDDEN, given.signal));
    given.abort();
    expect(await pending).toBe('its answer is no longer wanted');
  });

  it.each([
    [{ url: 'glance' }, 'url'],
    [{ pageSize: 0 }, 'pageSize'],
    [{ interface: 'secret' as 'public' }, 'interface'],
  ])('refuses the options %j', (options, name) => {
    expect(() => createGlanceSource(options, credentials)).toThrow(name);
  });
});
