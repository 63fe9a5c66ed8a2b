import { randomUUID } from 'node:crypto';
import { createServiceCredentials, type ServiceCredentials, type ServiceToken } from '@glimpse/auth';
import { DomainError, SOURCE_DOCUMENTS, SourceUnavailable, type SourceMembers } from '@glimpse/domain';
import { createGlanceSource } from '@glimpse/glance';
import { FakeGlance } from '@glimpse/glance/testing';
import type { ImageSource, SourceQuery } from '@glimpse/plugins';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient, emptyGlance, type GlanceImage } from './harness/glance-client.js';

const MISSING_ID = '00000000-0000-4000-8000-000000000000';

/** The images of this suite, by their purpose. */
type Images = Readonly<Record<(typeof NAMES)[number], string>>;
const NAMES = [
  'shared',
  'private',
  'community',
  'hidden',
  'capitals',
  'protected',
  'deleted',
  'plain',
] as const;

/** A call of a source, which both are compared by. */
interface Step {
  readonly name: string;
  run(source: ImageSource, images: Images, tokens: { demo: string; alt: string }): Promise<unknown>;
}

/** A version as Glance names it. */
interface Version {
  readonly id: string;
  readonly status: string;
  readonly links: readonly { readonly rel: string; readonly href: string }[];
}

async function readAll(source: ImageSource, query: SourceQuery): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let after: SourceQuery['after']; ;) {
    const { images, bad, next } = await source.page({ ...query, ...(after && { after }) });
    found.push(...images, ...bad);
    if (!next) return found;
    after = next;
  }
}

const merge = (properties: Record<string, string>) => ({ kind: 'merge', properties }) as const;
const numbered = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`key${n}`, 'x']));

const STEPS: readonly Step[] = [
  { name: 'all images', run: (source) => readAll(source, { hidden: false }) },
  { name: 'hidden images', run: (source) => readAll(source, { hidden: true }) },
  {
    name: 'what changes in a year',
    run: (source) => readAll(source, { hidden: false, changedSince: new Date(Date.now() + 31_536_000_000) }),
  },
  {
    name: 'what is behind a deleted image',
    run: async (source, { deleted }) => {
      const after = { id: deleted, createdAt: new Date('2026-01-01T00:00:00Z') };
      return (await source.page({ hidden: false, after })).images;
    },
  },
  {
    name: 'what is behind an image that was purged',
    run: (source) =>
      readAll(source, {
        hidden: false,
        after: { id: MISSING_ID, createdAt: new Date('2026-01-01T00:00:00Z') },
      }),
  },
  { name: 'the newest change', run: async (source) => (await source.newestChange()) instanceof Date },
  { name: 'whether it shows everything', run: (source) => source.missingReadAccess() },
  { name: 'whether it accepts callers’ tokens', run: (source) => source.missingWriteAccess!() },
  { name: 'whether it lists images to a service role', run: (source) => source.listAccess!() },
  {
    name: 'its versions',
    run: async (source) => {
      const { versions } = (await source.document!('versions')) as { versions: Version[] };
      return versions.map(({ id, status, links }) => [
        id,
        status,
        links[0]!.rel,
        new URL(links[0]!.href).pathname,
      ]);
    },
  },
  ...SOURCE_DOCUMENTS.filter((name) => name.startsWith('info/')).map((name) => ({
    name,
    run: (source: ImageSource) => source.document!(name),
  })),
  ...SOURCE_DOCUMENTS.filter((name) => name.startsWith('schemas/')).map((name) => ({
    name: `the name of ${name}`,
    run: async (source: ImageSource) => (await source.document!(name))?.['name'],
  })),
  { name: 'one image', run: (source, { plain }) => source.image(plain) },
  { name: 'a hidden image', run: (source, { hidden }) => source.image(hidden) },
  { name: 'an image with capitals in its id', run: (source, { capitals }) => source.image(capitals) },
  { name: 'its members', run: (source, { capitals }) => source.members(capitals) },
  { name: 'a deleted image', run: (source, { deleted }) => source.image(deleted) },
  { name: 'no image', run: (source) => source.image(MISSING_ID) },
  { name: 'what is no id', run: (source) => source.image('no/id?') },
  { name: 'the members of a shared image', run: (source, { shared }) => source.members(shared) },
  { name: 'the members of a private image', run: (source, images) => source.members(images.private) },
  { name: 'the members of a community image', run: (source, { community }) => source.members(community) },
  { name: 'the members of a deleted image', run: (source, { deleted }) => source.members(deleted) },
  { name: 'the members of no image', run: (source) => source.members(MISSING_ID) },
  {
    name: 'properties are set',
    run: async (source, { plain }, { demo }) => {
      await source.changeProperties(plain, merge({ 'a/b~c': 'x', ünï: '', kept: 'ö' }), {}, demo);
      return (await source.image(plain))?.properties;
    },
  },
  {
    name: 'properties are replaced',
    run: async (source, { plain }, { demo }) => {
      const { properties } = (await source.image(plain))!;
      const change = { kind: 'replace', properties: { only: 'this' } } as const;
      await source.changeProperties(plain, change, properties, demo);
      return (await source.image(plain))?.properties;
    },
  },
  {
    name: 'a property is removed',
    run: async (source, { plain }, { demo }) => {
      await source.changeProperties(plain, { kind: 'remove', key: 'only' }, {}, demo);
      return (await source.image(plain))?.properties;
    },
  },
  {
    name: 'a property is removed that is not there',
    run: (source, { plain }, { demo }) =>
      source.changeProperties(plain, { kind: 'remove', key: 'none' }, {}, demo),
  },
  {
    name: 'a property with a name that Glance cannot hold',
    run: (source, { plain }, { demo }) => source.changeProperties(plain, merge({ '😀': '' }), {}, demo),
  },
  {
    name: 'one with such a value',
    run: (source, { plain }, { demo }) => source.changeProperties(plain, merge({ fAce: '😀' }), {}, demo),
  },
  {
    name: 'nothing is set',
    run: (source, { plain }, { demo }) => source.changeProperties(plain, merge({}), {}, demo),
  },
  {
    name: 'as many properties as there may be',
    run: (source, { plain }, { demo }) => source.changeProperties(plain, merge(numbered(128)), {}, demo),
  },
  {
    name: 'too many properties',
    run: (source, { plain }, { demo }) => source.changeProperties(plain, merge(numbered(129)), {}, demo),
  },
  {
    name: 'a reserved property',
    run: (source, { plain }, { demo }) =>
      source.changeProperties(plain, merge({ os_glance_x: '' }), {}, demo),
  },
  {
    name: 'another’s image that is to be seen is changed',
    run: (source, { community }, { alt }) => source.changeProperties(community, merge({ a: '' }), {}, alt),
  },
  {
    name: 'a member changes an image',
    run: (source, { shared }, { alt }) => source.changeProperties(shared, merge({ a: '' }), {}, alt),
  },
  {
    name: 'another’s image that is not to be seen is changed',
    run: (source, images, { alt }) => source.changeProperties(images.private, merge({ a: '' }), {}, alt),
  },
  {
    name: 'no image is changed',
    run: (source, _images, { demo }) => source.changeProperties(MISSING_ID, merge({ a: '' }), {}, demo),
  },
  {
    name: 'a change with an unknown token',
    run: (source, { plain }) => source.changeProperties(plain, merge({ a: '' }), {}, 'unknown'),
  },
  {
    name: 'a protected image is deleted',
    run: (source, images, { demo }) => source.deleteImage(images.protected, demo),
  },
  {
    name: 'another’s image is deleted',
    run: (source, { community }, { alt }) => source.deleteImage(community, alt),
  },
  {
    name: 'a hidden one of another',
    run: (source, images, { alt }) => source.deleteImage(images.private, alt),
  },
  {
    name: 'a deleted image is deleted',
    run: (source, { deleted }, { demo }) => source.deleteImage(deleted, demo),
  },
  {
    name: 'an image is deleted',
    run: async (source, { plain }, { demo }) => {
      await source.deleteImage(plain, demo);
      return source.image(plain);
    },
  },
];

/** The outcome of a call, without the times of changes, which differ. */
async function outcome(pending: Promise<unknown>): Promise<unknown> {
  let result: unknown;
  try {
    result = { result: await pending };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    result = { code: error.code, message: error.message };
    if (error instanceof SourceUnavailable) result = { code: error.code, reason: error.reason };
  }
  return JSON.parse(
    JSON.stringify(result, (key, value: unknown) =>
      key === 'updatedAt'
        ? '{time}'
        : value instanceof Map
          ? membersOf(value as SourceMembers['members'])
          : value,
    ),
  );
}

/** Members without the time of their share. */
function membersOf(members: SourceMembers['members']): object {
  const all = [...members].map(([project, member]) => [project, { ...member, createdAt: '{time}' }]);
  return Object.fromEntries(all) as object;
}

function suite(cloud: Cloud): void {
  const { people } = cloud;
  const fromReal = new Map<string, unknown>();
  const fromFake = new Map<string, unknown>();
  let fake: FakeGlance;

  /** A user's credentials without a Keystone. */
  const inFakeCloud = ({ token, roles }: Pick<ServiceToken, 'token' | 'roles'>): ServiceCredentials => ({
    token: () => ({ token, roles, catalog: [] }),
    drop: () => undefined,
    confirmed: async () => ({ token, roles, catalog: [] }),
    withRestrictedToken(restriction, use) {
      const end = Date.now() + 100;
      fake.admit('restricted', {
        projectId: people.glimpse.projectId,
        roles: restriction.roles ?? roles,
        restricted: restriction.accessRules !== undefined,
        get expired() {
          return Date.now() >= end;
        },
      });
      return use({ token: 'restricted', endsIn: 100 });
    },
  });

  beforeAll(async () => {
    const [demo, alt] = [await GlanceClient.as(cloud, people.demo), await GlanceClient.as(cloud, people.alt)];
    const credentials: ServiceCredentials = createServiceCredentials({
      authUrl: cloud.authUrl,
      username: 'glimpse',
      password: people.glimpse.env['OS_PASSWORD'],
      projectName: 'service',
    });
    const { token, roles } = await credentials.token();
    fake = await FakeGlance.start();
    fake.admit(token, { projectId: people.glimpse.projectId, roles });
    for (const [client, { projectId }] of [
      [demo, people.demo],
      [alt, people.alt],
    ] as const) {
      fake.admit(client.token, { projectId, roles: ['member'] });
    }

    const attributes: Partial<Record<keyof Images, object>> = {
      private: { visibility: 'private', os_distro: 'debian' },
      community: { visibility: 'community', min_disk: 3 },
      hidden: { os_hidden: true },
      capitals: { id: randomUUID().toUpperCase(), tags: ['b', 'a'], disk_format: 'qcow2', kernel_id: null },
      protected: { protected: true },
    };
    await emptyGlance(cloud);
    const made: Record<string, string> = {};
    for (const name of NAMES) {
      const { id } = await demo.create({ id: randomUUID(), name, ...attributes[name] });
      made[name] = id;
      if (name === 'plain') await demo.upload(id);
      fake.add((await demo.show(id)) as GlanceImage);
    }
    const images = made as Images;
    await demo.share(images.shared, people.alt.projectId);
    await demo.share(images.shared, people.admin.projectId);
    await alt.accept(images.shared, people.alt.projectId);
    fake.share(images.shared, people.alt.projectId, 'accepted');
    fake.share(images.shared, people.admin.projectId);
    await demo.delete(images.deleted);

    const serviceUser = createServiceCredentials({
      authUrl: cloud.authUrl,
      username: 'glimpse-service',
      password: people['glimpse-service'].env['OS_PASSWORD'],
      projectName: 'service',
    });
    const service = await serviceUser.token();
    fake.admit(service.token, { projectId: people['glimpse-service'].projectId, roles: service.roles });
    const real = createGlanceSource({ url: cloud.image, pageSize: 2 }, credentials, { serviceUser });
    const inFake = createGlanceSource({ url: fake.url, pageSize: 2 }, inFakeCloud({ token, roles }), {
      serviceUser: inFakeCloud(service),
    });
    await inFake.deleteImage(images.deleted, demo.token);
    const tokens = { demo: demo.token, alt: alt.token };
    for (const { name, run } of STEPS) {
      fromReal.set(name, await outcome(run(real, images, tokens)));
      fromFake.set(name, await outcome(run(inFake, images, tokens)));
    }
  });

  afterAll(() => fake.close());

  it.each(STEPS)('$name', ({ name }) => {
    expect(fromReal.get(name)).toBeDefined();
    expect(fromFake.get(name)).toEqual(fromReal.get(name));
  });

  it('both make the changes', () => {
    expect(fromReal.get('properties are replaced')).toEqual({ result: { only: 'this' } });
    expect(fromReal.get('an image is deleted')).toEqual({});
    expect(fromReal.get('whether it shows everything')).toEqual({});
    expect(fromReal.get('whether it accepts callers’ tokens')).toEqual({});
  });
}

describeWithGlance('the fake Glance and the real one give a source the same responses', suite);
