import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Cloud } from '../keystone/harness/cloud.js';
import { missingClient, python } from '../keystone/harness/python-client.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient, type GlanceImage, type GlanceResponse } from './harness/glance-client.js';
import { startOwnCatalogue, type OwnCatalogue } from './harness/own-catalogue.js';

const MISSING = '00000000-0000-4000-8000-000000000000';
const BYTES = new TextEncoder().encode('bytes');

type User = 'demo' | 'alt' | 'admin';

/** A service with two stores, each a folder. */
interface Site {
  readonly clients: Readonly<Record<User, GlanceClient>>;
  readonly folder: string;
}

/** What of an image is about its data: `stores` is a set. */
function dataOf(image: GlanceImage): object {
  const { status, size, checksum, stores, os_glance_failed_import, os_glance_importing_to_stores } = image;
  return {
    ...{ status, size, checksum, os_glance_failed_import, os_glance_importing_to_stores },
    stores: typeof stores === 'string' ? stores.split(',').sort() : stores,
    keys: Object.keys(image).sort(),
  };
}

type Task = Readonly<Record<string, unknown>>;

/** What tasks of an image say, with ids and times by their form. */
function shapesOf(tasks: readonly Task[], id: string): unknown {
  const shapeOf = (value: unknown): unknown =>
    typeof value !== 'string'
      ? value
      : value
          .replace(id, 'IMAGE')
          .replace(/^(req-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '$1UUID')
          .replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/, 'TIME');
  return tasks
    .toSorted((one, other) => (String(one['created_at']) < String(other['created_at']) ? -1 : 1))
    .map((task) => {
      // Why an import has failed is said in other words.
      const { message, ...rest } = task;
      const compared = { ...rest, message: task['status'] === 'failure' ? typeof message : message };
      return JSON.parse(JSON.stringify(compared), (_, value) => shapeOf(value)) as unknown;
    });
}

/** How an import is requested. */
interface Import {
  readonly method?: 'glance-direct' | 'copy-image';
  readonly user?: User;
  readonly headers?: Record<string, string> | undefined;
}

/** Sends requests to a service, and notes what it answers. */
class Conversation {
  readonly answers: unknown[] = [];

  constructor(readonly site: Site) {}

  note(what: string, answer: unknown): void {
    this.answers.push([what, answer]);
  }

  async send(
    what: string,
    user: User,
    method: string,
    path: string,
    sent: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<GlanceResponse> {
    const response = await this.site.clients[user].call(method, `/v2/${path}`, sent);
    this.note(what, response.status);
    return response;
  }

  async queued(attributes: object = {}): Promise<string> {
    return (await this.site.clients.demo.create(attributes)).id;
  }

  upload(what: string, id: string, store?: string): Promise<GlanceResponse> {
    const headers: Record<string, string> = store === undefined ? {} : { 'x-image-meta-store': store };
    return this.send(what, 'demo', 'PUT', `images/${id}/file`, { body: BYTES, headers });
  }

  /** An image with data in the default store. */
  async active(attributes: object = {}): Promise<string> {
    const id = await this.queued(attributes);
    await this.upload('an upload', id);
    return id;
  }

  async staged(): Promise<string> {
    const id = await this.queued();
    await this.send('staged data', 'demo', 'PUT', `images/${id}/stage`, { body: BYTES });
    return id;
  }

  /** An image with data in both stores. */
  async copied(): Promise<string> {
    const id = await this.active();
    await this.import(id, { stores: ['slow'] }, { method: 'copy-image', user: 'admin' });
    await this.imported(id);
    return id;
  }

  import(
    id: string,
    rest: object,
    { method: name = 'glance-direct', user = 'demo', headers = {} }: Import = {},
  ): Promise<GlanceResponse> {
    const what = `${name} with ${JSON.stringify({ ...rest, ...headers })} by ${user}`;
    const body = { method: { name }, ...rest };
    return this.send(what, user, 'POST', `images/${id}/import`, { body, headers });
  }

  remove(store: string, id: string, user: User = 'admin'): Promise<GlanceResponse> {
    return this.send(`deletion from ${store} by ${user}`, user, 'DELETE', `stores/${store}/${id}`);
  }

  async show(what: string, id: string, user: User = 'demo'): Promise<GlanceImage> {
    const image = await this.site.clients[user].show(id);
    this.note(what, dataOf(image));
    return image;
  }

  /** Resolves once no import of the image runs. */
  ended(id: string): Promise<void> {
    const client = this.site.clients.demo;
    return until(async () => !('os_glance_import_task' in (await client.show(id))), 60_000);
  }

  /** The image, once its import has ended. */
  async imported(id: string): Promise<GlanceImage> {
    await this.ended(id);
    return this.show('imported', id);
  }

  /** Notes the tasks of an image that a user reads. */
  async tasks(what: string, id: string, user: User): Promise<void> {
    const { body } = await this.send(what, user, 'GET', `images/${id}/tasks`);
    if (typeof body === 'object' && 'tasks' in body!) this.note(what, shapesOf(body.tasks as Task[], id));
  }

  /** Puts a file in the place of a store's folder while a function runs. */
  async without<T>(store: string, run: () => Promise<T>): Promise<T> {
    const place = join(this.site.folder, store);
    renameSync(place, `${place}-away`);
    writeFileSync(place, '');
    try {
      return await run();
    } finally {
      rmSync(place);
      renameSync(`${place}-away`, place);
    }
  }
}

const PATCH = { 'content-type': 'application/openstack-images-v2.1-json-patch' };

/** What both services answer alike. */
const ALIKE: Readonly<Record<string, (talk: Conversation) => Promise<void>>> = {
  async 'what they list'(talk) {
    for (const user of ['demo', 'admin'] as const) {
      const { body } = await talk.send(`stores for ${user}`, user, 'GET', 'info/stores');
      talk.note('stores', body);
      const { body: details } = await talk.send(`details for ${user}`, user, 'GET', 'info/stores/detail');
      if (user === 'admin') {
        const { stores } = details as { stores: { properties: object }[] };
        const keys = stores.map(({ properties, ...rest }) => ({ ...rest, keys: Object.keys(properties) }));
        talk.note('details', keys);
      }
    }
    await talk.send('another method', 'demo', 'POST', 'info/stores');
    for (const path of ['info/stores/fast', 'stores/fast', 'stores']) {
      await talk.send(path, 'demo', 'GET', path);
    }
    const versions = (await talk.site.clients.demo.call('GET', '/versions')).body as {
      versions: { id: string; status: string }[];
    };
    talk.note(
      'versions',
      versions.versions.map(({ id, status }) => `${id} ${status}`),
    );
  },

  async uploads(talk) {
    for (const store of [undefined, 'slow', 'fast', 'none', '', 'FAST', 'fast,slow']) {
      const id = await talk.queued();
      await talk.upload(`to ${store}`, id, store);
      await talk.show(`to ${store}`, id);
      await talk.send('list', 'demo', 'GET', `images?id=${id}&stores=slow`);
    }
    await talk.upload('of a missing image', MISSING, 'fast');
    await talk.upload('of a missing image to an unknown store', MISSING, 'none');
    const id = await talk.active();
    await talk.upload('again', id, 'slow');
    await talk.upload('again to an unknown store', id, 'none');
  },

  async 'staged data'(talk) {
    for (const store of ['slow', 'none', '']) {
      const id = await talk.queued();
      const headers = { 'x-image-meta-store': store };
      await talk.send(`to ${store}`, 'demo', 'PUT', `images/${id}/stage`, { body: BYTES, headers });
      await talk.show(`to ${store}`, id);
    }
  },

  async imports(talk) {
    const imports: [object, Record<string, string>?][] = [
      [{}],
      [{ stores: ['slow'] }],
      [{ stores: ['fast'] }],
      [{ stores: ['slow', 'fast'] }],
      [{ stores: ['slow'], all_stores: false, all_stores_must_succeed: false }],
      [{ all_stores: true }],
      [{ all_stores: true, all_stores_must_succeed: false }],
      [{}, { 'x-image-meta-store': 'slow' }],
    ];
    for (const [rest, headers] of imports) {
      const id = await talk.staged();
      await talk.import(id, rest, { headers });
      await talk.imported(id);
    }
    const id = await talk.staged();
    await talk.import(id, { stores: ['slow'] }, { user: 'admin' });
    await talk.imported(id);
  },

  async 'refused imports'(talk) {
    const id = await talk.staged();
    const refused: [object, Record<string, string>?][] = [
      [{ stores: ['fast'] }, { 'x-image-meta-store': 'slow' }],
      [{ all_stores: true }, { 'x-image-meta-store': 'slow' }],
      [{ all_stores: true, stores: ['slow'] }],
      [{ all_stores: 'true' }],
      [{ all_stores: null }],
      [{ all_stores: true, all_stores_must_succeed: 'false' }],
      [{ all_stores_must_succeed: 1 }],
      [{ all_stores_must_succeed: null }],
    ];
    for (const [rest, headers] of refused) await talk.import(id, rest, { headers });
    const slow = { stores: ['slow'] };
    await talk.import(id, slow, { user: 'alt' });
    await talk.import(id, slow, { method: 'copy-image', user: 'admin' });
    await talk.show('afterwards', id);
    await talk.import(await talk.queued(), slow);
    await talk.import(await talk.active(), slow);
    await talk.import(MISSING, slow);
  },

  async tasks(talk) {
    const id = await talk.staged();
    await talk.tasks('before the import', id, 'demo');
    await talk.import(id, { stores: ['slow'] });
    await talk.imported(id);
    await talk.import(id, { all_stores: true }, { method: 'copy-image', user: 'admin' });
    await talk.imported(id);
    for (const user of ['demo', 'alt', 'admin'] as const)
      await talk.tasks('an image in two stores', id, user);
    const failing = await talk.staged();
    await talk.without('slow', async () => {
      await talk.import(failing, { all_stores: true });
      await talk.ended(failing);
    });
    await talk.tasks('an import that fails', failing, 'demo');
    await talk.tasks('an upload', await talk.active(), 'demo');
    await talk.tasks('a missing image', MISSING, 'demo');
    const other = await talk.staged();
    await talk.import(other, {}, { user: 'admin' });
    await talk.imported(other);
    await talk.tasks('imported by an administrator', other, 'demo');
    const both = await talk.copied();
    await talk.import(both, { all_stores: true }, { method: 'copy-image', user: 'admin' });
    await talk.imported(both);
    await talk.tasks('a copy with nothing to do', both, 'admin');
  },

  async copies(talk) {
    const copy = { method: 'copy-image', user: 'admin' } as const;
    const id = await talk.active();
    for (const stores of [['fast'], ['fast', 'slow']]) await talk.import(id, { stores }, copy);
    await talk.import(id, {}, copy);
    const slow = { stores: ['slow'] };
    for (const user of ['demo', 'alt'] as const) await talk.import(id, slow, { ...copy, user });
    const queued = await talk.queued();
    for (const user of ['demo', 'admin'] as const) await talk.import(queued, slow, { ...copy, user });
    await talk.import(MISSING, slow, copy);
    for (const rest of [slow, { all_stores: true }]) {
      await talk.import(id, rest, copy);
      await talk.imported(id);
    }
    const other = await talk.active({ visibility: 'community' });
    await talk.import(other, slow, { ...copy, user: 'alt' });
    await talk.import(other, {}, { ...copy, headers: { 'x-image-meta-store': 'slow' } });
    await talk.imported(other);
    const deactivated = await talk.active();
    await talk.send('deactivate', 'demo', 'POST', `images/${deactivated}/actions/deactivate`);
    await talk.import(deactivated, slow, copy);
  },

  async deletions(talk) {
    const id = await talk.copied();
    for (const store of ['none', 'fast']) {
      await talk.remove(store, MISSING);
      await talk.remove(store, id, 'alt');
    }
    await talk.remove('none', id);
    await talk.send('read', 'admin', 'GET', `stores/fast/${id}`);
    await talk.remove('fast', id);
    await talk.show('in one store', id);
    for (const store of ['fast', 'slow']) await talk.remove(store, id);
    await talk.show('in its last store', id);

    const body = [{ op: 'replace', path: '/protected', value: true }];
    const guarded = await talk.copied();
    await talk.send('protect', 'demo', 'PATCH', `images/${guarded}`, { body, headers: PATCH });
    await talk.remove('slow', guarded);
    await talk.show('protected', guarded);

    const deactivated = await talk.copied();
    await talk.send('deactivate', 'demo', 'POST', `images/${deactivated}/actions/deactivate`);
    for (const image of [deactivated, await talk.queued(), await talk.staged()]) {
      await talk.remove('fast', image);
    }
    for (const user of ['demo', 'admin'] as const) await talk.show('deactivated', deactivated, user);
  },

  async 'imports that a store fails'(talk) {
    for (const rest of [{ all_stores: true }, { stores: ['slow'] }]) {
      const id = await talk.staged();
      await talk.without('slow', async () => {
        await talk.import(id, { ...rest, all_stores_must_succeed: false });
        await talk.imported(id);
      });
      await talk.import(id, rest);
      await talk.show('afterwards', id);
    }
  },

  async 'copies that a store fails'(talk) {
    const copy = { method: 'copy-image', user: 'admin' } as const;
    for (const all_stores_must_succeed of [true, false]) {
      const id = await talk.active();
      const rest = { stores: ['slow'], all_stores_must_succeed };
      await talk.without('slow', async () => {
        await talk.import(id, rest, copy);
        await talk.imported(id);
      });
      await talk.import(id, rest, copy);
      await talk.imported(id);
    }
  },
};

/** What is answered otherwise on purpose, with the answers of Glance and of Glimpse. */
const OTHERWISE: Readonly<
  Record<string, [answers: (talk: Conversation) => Promise<unknown>, glance: unknown, glimpse: unknown]>
> = {
  'an unknown store comes before the image on every route': [
    async (talk) => {
      const imports = [
        talk.import(await talk.staged(), { stores: ['none'] }),
        talk.import(await talk.staged(), {}, { headers: { 'x-image-meta-store': '' } }),
        talk.import(await talk.queued(), { stores: ['none'] }),
        talk.import(MISSING, { stores: ['none'] }),
      ];
      return (await Promise.all(imports)).map(({ status }) => status);
    },
    [409, 409, 409, 404],
    [400, 400, 400, 400],
  ],
  'an import to no store at all is refused': [
    async (talk) => {
      const id = await talk.staged();
      const { status } = await talk.import(id, { stores: [] });
      return [status, (await talk.imported(id)).status];
    },
    // Its staged data is lost.
    [202, 'queued'],
    [400, 'uploading'],
  ],
  'an import whose stores must all succeed can be repeated': [
    async (talk) => {
      const id = await talk.staged();
      const image = await talk.without('slow', async () => {
        await talk.import(id, { all_stores: true });
        return talk.imported(id);
      });
      const { status } = await talk.import(id, { all_stores: true });
      return [image.status, image['os_glance_failed_import'], status];
    },
    // As its API reference says it is not: the state of the image is unchanged.
    ['importing', 'slow', 409],
    ['uploading', 'slow', 202],
  ],
  'tasks are read alone': [
    async (talk) =>
      (await talk.send('another method', 'demo', 'POST', `images/${await talk.active()}/tasks`)).status,
    404,
    405,
  ],
  'an upload to a store that is away is 502': [
    async (talk) => {
      const id = await talk.queued();
      const { status } = await talk.without('slow', () => talk.upload('away', id, 'slow'));
      return [status, (await talk.show('away', id)).status];
    },
    [500, 'queued'],
    [502, 'queued'],
  ],
  'an owner deletes no data from a store under the current policy defaults': [
    async (talk) => (await talk.remove('fast', await talk.copied(), 'demo')).status,
    204,
    403,
  ],
};

/** Commands of glanceclient, and a call of openstacksdk, in one process. */
const CLIENTS = `
import contextlib, io, json, sys, tempfile
import glanceclient, glanceclient.shell, openstack
url = sys.argv[1]
conn = openstack.connect(load_yaml_config=False, image_endpoint_override=url)
images = glanceclient.Client('2', session=conn.session, endpoint_override=url).images
# It reads an image from standard input unless that is a terminal.
sys.stdin = io.StringIO()
sys.stdin.isatty = lambda: True
file = tempfile.NamedTemporaryFile()
file.write(b'bytes')
file.flush()
answers = []

def glance(*command, at=None):
    formats = ['--disk-format', 'raw', '--container-format', 'bare'] if 'create' in command[0] else []
    printed = io.StringIO()
    ended = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            arguments = [*command, *formats, *([at] if at else [])]
            glanceclient.shell.OpenStackImagesShell().main(['--os-image-url', url, *arguments])
        except SystemExit as end:
            ended = end.code
    ids = [line.split('|')[2].strip() for line in printed.getvalue().splitlines() if line.startswith('| id ')]
    image = at or (ids[0] if ids else None)
    answers.append([' '.join(command), ended, image and data_of(image)])
    return image

def data_of(id):
    image = images.get(id)
    while 'os_glance_import_task' in image:
        image = images.get(id)
    return [image['status'], sorted(image.get('stores', '').split(',')), image.get('os_glance_failed_import')]

for store in ['slow', 'none']:
    glance('image-create', '--store', store, '--file', file.name)
for stores in [['--stores', 'fast,slow'], ['--all-stores', 'True', '--allow-failure', 'False'],
               ['--store', 'slow'], ['--stores', 'none']]:
    glance('image-create-via-import', *stores, '--file', file.name)
made = glance('image-create')
glance('image-upload', '--store', 'slow', '--file', file.name, at=made)
glance('image-import', '--import-method', 'copy-image', '--stores', 'fast', at=made)
for store in ['slow', 'fast', 'none']:
    glance('stores-delete', '--store', store, at=made)
image = conn.image.create_image('made', filename=file.name, use_import=True, all_stores=True,
                                disk_format='raw', container_format='bare')
answers.append(['openstacksdk', [store.id for store in conn.image.stores()], data_of(image.id)])
print(json.dumps(answers).replace(file.name, 'FILE'))
`;

function suite(cloud: Cloud): void {
  let own: OwnCatalogue;
  let glance: Site;
  let glimpse: Site;

  beforeAll(async () => {
    own = await startOwnCatalogue(cloud);
    const users = ['demo', 'alt', 'admin'] as const;
    const clients = await Promise.all(users.map((user) => GlanceClient.as(cloud, cloud.people[user])));
    const at = (url: string): Site['clients'] =>
      Object.fromEntries(
        users.map((user, n) => [user, new GlanceClient(url, clients[n]!.token)]),
      ) as unknown as Site['clients'];
    glance = { clients: at(cloud.image), folder: dirname(cloud.glancePidFile!) };
    glimpse = { clients: at(own.service.imageUrl), folder: own.folder };
  }, 120_000);
  afterAll(() => own?.service.stop(), 30_000);

  it.each(Object.entries(ALIKE))('%s', async (_, subject) => {
    const [there, here] = [new Conversation(glance), new Conversation(glimpse)];
    await subject(there);
    await subject(here);
    expect(here.answers).toEqual(there.answers);
  });

  it('OpenStack’s clients', async () => {
    const answers = [cloud.image, own.service.imageUrl].map(async (url) => {
      const { stdout, stderr } = await python(['-c', CLIENTS, url], cloud.people.admin.env);
      expect(stderr).toBe('');
      return JSON.parse(stdout) as unknown;
    });
    const [there, here] = await Promise.all(answers);
    expect(here).toEqual(there);
    expect(there).toContainEqual([expect.any(String), 0, ['active', ['slow'], null]]);
  });

  it.each(Object.entries(OTHERWISE))('%s', async (_, [answers, ofGlance, ofGlimpse]) => {
    expect(await answers(new Conversation(glance))).toEqual(ofGlance);
    expect(await answers(new Conversation(glimpse))).toEqual(ofGlimpse);
  });
}

describeWithGlance('several stores, beside those of a real Glance:', suite, missingClient());
