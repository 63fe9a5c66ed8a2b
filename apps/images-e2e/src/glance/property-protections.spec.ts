import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { amount } from '../harness/long.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { setSecondsApart } from './harness/fill-glance.js';
import { GlanceClient, emptyGlance, type GlanceImage, type PatchOperation } from './harness/glance-client.js';
import { restartGlanceWith } from './harness/glance-process.js';
import { Mirror, withImageApi } from './harness/mirror.js';
import { PairedClient } from './harness/paired-client.js';
import { Reader } from './harness/reader.js';

/** A pattern, and the roles that may create, read, update and delete what it matches. */
const SECTIONS: readonly (readonly [string, readonly [string, string, string, string]])[] = [
  ['^x_ro', ['admins', 'everyone', 'admins', 'admins']],
  ['^x_[^a-m]+(?P<rest>t|_.*)?\\Z', ['admins', 'admins', 'admins', 'admins']],
  ['(?i)^SHOWN', ['members', 'everyone', 'members', 'admins']],
  ['^closed', ['admins', '@', '!', '!']],
  ['^[a-z_]+$', ['@', '@', '@', '@']],
];
const ROLES: Readonly<Record<string, string>> = {
  admins: 'admin',
  everyone: 'Admin, member,reader',
  members: 'admin,MEMBER',
};
const POLICIES = {
  admins: 'role:admin',
  everyone: 'role:admin or role:member or role:reader',
  members: 'rule:admins or role:member',
};
const PROPERTIES: Readonly<Record<string, string>> = {
  x_ro: '1',
  x_ro_2: '2',
  x_st: '3',
  x_a: '4',
  Shown_1: '5',
  shown: '6',
  closed: '7',
  open: '8',
};

function textOf(format: string): string {
  return SECTIONS.map(([pattern, permissions]) => {
    const lines = ['create', 'read', 'update', 'delete'].map((operation, index) => {
      const permission = permissions[index]!;
      return `${operation} = ${format === 'roles' ? (ROLES[permission] ?? permission) : permission}`;
    });
    return [`[${pattern}]`, ...lines].join('\n');
  }).join('\n\n');
}

/** The properties of these tests in a document. */
function propertiesOf(document: GlanceImage): Record<string, string> {
  const ours = /^(?:x_|shown|closed|open|no section|fresh)/i;
  return Object.fromEntries(Object.entries(document).filter(([name]) => ours.test(name))) as Record<
    string,
    string
  >;
}

interface Change {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly key?: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What Nova sends to Glance for a change of the metadata that its caller reads: the differences. */
function patchOf(
  { method, key, metadata }: Change,
  before: Readonly<Record<string, string>>,
): PatchOperation[] {
  const removed =
    method === 'DELETE'
      ? [key!]
      : method === 'PUT' && key === undefined
        ? Object.keys(before).filter((name) => !(name in metadata))
        : [];
  return [
    ...removed.map((name) => ({ op: 'remove' as const, path: `/${name}` })),
    ...Object.entries(metadata)
      .filter(([name, value]) => before[name] !== value)
      .map(([name, value]) => ({
        op: name in before ? ('replace' as const) : ('add' as const),
        path: `/${name}`,
        value,
      })),
  ];
}

const CHANGES: readonly Change[] = [
  { method: 'POST', metadata: { open: 'new', fresh: 'f' } },
  { method: 'POST', metadata: { open: 'new', x_ro: 'new' } },
  { method: 'POST', metadata: { open: 'new', x_ro: '1' } },
  { method: 'POST', metadata: { x_st: 'new' } },
  { method: 'POST', metadata: { 'no section': 'new' } },
  { method: 'PUT', key: 'shown', metadata: { shown: 'new' } },
  { method: 'PUT', key: 'closed', metadata: { closed: 'new' } },
  { method: 'PUT', key: 'x_new_one', metadata: { x_new_one: 'new' } },
  { method: 'PUT', key: 'shown_fresh', metadata: { shown_fresh: 'new' } },
  { method: 'PUT', metadata: { x_ro: '1', x_ro_2: '2', Shown_1: '5', shown: '6', closed: '7', fresh: 'f' } },
  { method: 'PUT', metadata: { fresh: 'f' } },
  { method: 'DELETE', key: 'open', metadata: {} },
  { method: 'DELETE', key: 'shown', metadata: {} },
  { method: 'DELETE', key: 'closed', metadata: {} },
  { method: 'DELETE', key: 'x_st', metadata: {} },
];

const NAMES = ['admin', 'demo', 'reader', 'alt'] as const;
type Name = (typeof NAMES)[number];
/** How many changes run at a time, each of images of its own. */
const AT_ONCE = 3;

function suite(cloud: Cloud): void {
  const { people } = cloud;
  const folder = dirname(cloud.glanceConfigFile!);

  describe.each(['roles', 'policies'] as const)('property protections of the format %s', (format) => {
    const file = join(folder, 'property-protections.conf');
    const policy = join(folder, 'policy.yaml');
    const glance = {} as Record<Name, GlanceClient>;
    const readers = {} as Record<Name, Reader>;
    const pairs = {} as Record<Name, PairedClient>;
    let published: GlanceImage;
    /** It has other values than the published one. */
    let shared: GlanceImage;
    let restore: (() => Promise<void>) | undefined;
    let mirror: Mirror | undefined;

    /** The same protections in Glance and in a mirror of it. */
    beforeAll(async () => {
      await emptyGlance(cloud);
      writeFileSync(file, textOf(format), { mode: 0o644 });
      if (format === 'policies') writeFileSync(policy, JSON.stringify(POLICIES), { mode: 0o644 });
      const settings = `property_protection_file = ${file}\nproperty_protection_rule_format = ${format}`;
      restore = await restartGlanceWith(cloud, (text) => text.replace('[DEFAULT]', `[DEFAULT]\n${settings}`));
      for (const name of NAMES) glance[name] = await GlanceClient.as(cloud, people[name]);
      published = await create('public');
      shared = await create('shared', 'shared ');
      await glance.demo.share(shared.id, people.alt.projectId);
      await glance.alt.accept(shared.id, people.alt.projectId);
      setSecondsApart(cloud, [published.id, shared.id]);
      mirror = await Mirror.start(cloud, {
        ...withImageApi(cloud),
        GLIMPSE_PROPERTY_PROTECTIONS_FILE: file,
        GLIMPSE_PROPERTY_PROTECTIONS_RULE_FORMAT: format,
        ...(format === 'policies' && { GLIMPSE_POLICY_FILE: policy }),
      });
      for (const name of NAMES) {
        readers[name] = new Reader(mirror.service, glance[name].token);
        pairs[name] = await PairedClient.as(cloud, name, mirror.service);
      }
      await mirror.isCaughtUp();
    }, 180_000);
    afterAll(async () => {
      await mirror?.stop();
      await restore?.();
      rmSync(file, { force: true });
      rmSync(policy, { force: true });
    }, 120_000);

    /** @param prefix of each value */
    const create = (visibility: string, prefix = ''): Promise<GlanceImage> =>
      glance.admin.create({
        ...{ owner: people.demo.projectId, visibility },
        ...Object.fromEntries(Object.entries(PROPERTIES).map(([key, value]) => [key, prefix + value])),
      });

    it('show in front of Glance what they show in Glance itself', async () => {
      const { id } = published;
      for (const name of NAMES) {
        const inGlance = propertiesOf(await glance[name].show(id));
        const seen = {
          show: inGlance,
          list: propertiesOf((await glance[name].list()).find((each) => each.id === id)!),
        };
        const { body } = await readers[name].call('GET', '/detail');
        const listed = (body['images'] as { id: string; metadata: object }[]).find((each) => each.id === id)!;
        expect({ name, show: await readers[name].metadata(id), list: listed.metadata }).toEqual({
          name,
          ...seen,
        });
        for (const key of Object.keys(PROPERTIES)) {
          const { status } = await readers[name].call('GET', `/${id}/metadata/${encodeURIComponent(key)}`);
          expect({ name, key, status }).toEqual({ name, key, status: key in inGlance ? 200 : 404 });
          const found = await readers[name].call(
            'GET',
            `?property-${encodeURIComponent(key)}=${PROPERTIES[key]!}`,
          );
          expect({ name, key, found: found.body['images'] }).toMatchObject({
            found: key in inGlance ? [{ id }] : [],
          });
        }
      }
    }, 120_000);

    it('show by the Image API what they show in Glance itself, but for filters by what they hide', async () => {
      for (const name of NAMES) {
        const reader = pairs[name];
        await reader.read('/v2/images?limit=1000');
        for (const { id } of [published, shared]) {
          await reader.read(`/v2/images/${id}`);
          await reader.read(`/v2/images/${id}/members`);
        }
        const inGlance = propertiesOf(await glance[name].show(published.id));
        for (const [key, value] of Object.entries(PROPERTIES)) {
          const target = `/v2/images?${new URLSearchParams({ [key]: value }).toString()}`;
          // Glance finds images by properties that it does not show.
          const { body } =
            key in inGlance ? await reader.read(target) : await reader.callMirror('GET', target);
          expect({ name, key, found: (body as { images: object[] }).images }).toMatchObject({
            found: key in inGlance ? [{ id: published.id }] : [],
          });
        }
      }
    }, 120_000);

    /** Makes a change of one image in Glance, as Nova sends it, and of its twin through Glimpse. */
    const changesAlike = async (name: 'demo' | 'admin', change: Change): Promise<void> => {
      const [there, here] = await Promise.all([create('private'), create('private')]);
      const before = propertiesOf(await glance[name].show(there.id));
      const isNovas404 = change.method === 'DELETE' && !(change.key! in before);
      const expected = isNovas404
        ? 404
        : (await glance[name].patch(there.id, patchOf(change, before))).status;
      const path = `/${here.id}/metadata${change.key === undefined ? '' : `/${change.key}`}`;
      const body =
        change.method === 'DELETE'
          ? undefined
          : change.key === undefined
            ? { metadata: change.metadata }
            : { meta: change.metadata };
      const { status } = await readers[name].call(change.method, path, body);
      const success = change.method === 'DELETE' ? 204 : 200;
      expect({ name, change, status }).toEqual({
        name,
        change,
        status: expected === 200 ? success : expected,
      });

      const after = async (reading: GlanceClient, image: string) => propertiesOf(await reading.show(image));
      expect({ name, change, after: await after(glance.admin, here.id) }).toEqual({
        name,
        change,
        after: await after(glance.admin, there.id),
      });
      // The change is visible here at once, to each caller as in Glance.
      for (const reading of ['demo', 'admin'] as const) {
        expect(await readers[reading].metadata(here.id)).toEqual(await after(glance[reading], here.id));
      }
    };

    it('change in front of Glance what they change in Glance itself', async () => {
      // Those whose number is a multiple; all of them in long runs.
      const few = format === 'roles' ? { demo: 1, admin: 4 } : { demo: 3, admin: 7 };
      for (const name of ['demo', 'admin'] as const) {
        const changes = CHANGES.filter((_, n) => n % amount(few[name], 1) === 0);
        while (changes.length > 0) {
          await Promise.all(changes.splice(0, AT_ONCE).map((change) => changesAlike(name, change)));
        }
      }
    }, 400_000);

    if (format === 'policies') return;

    it('name the sections that the service’s own user does not read, and so the mirror never has', async () => {
      const rest = 'create = @\nupdate = @\ndelete = @\n';
      writeFileSync(
        file,
        `[^audit_]\nread = auditor\n${rest}[^x_]\nread = !\n${rest}[.*]\nread = admin\n${rest}`,
      );
      const { code, stdout } = await mirror!.followWith('--check');
      expect(stdout).toContain('the mirror never has the properties of [^audit_]: ');
      expect(stdout.match(/never has/g)).toHaveLength(1);
      expect(code).toBe(1);
    }, 120_000);
  });
}

describeWithGlance('property protections of a real Glance', suite);
