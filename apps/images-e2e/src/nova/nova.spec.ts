import { randomUUID } from 'node:crypto';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createCatalogue } from '../harness/catalogue.js';
import { newFolder, type Service } from '../harness/service.js';
import { authenticate, byPassword, ownProject, type Cloud } from '../keystone/harness/cloud.js';
import { startGlimpse } from '../keystone/harness/glimpse.js';
import {
  ComputeClient,
  asGlanceOf,
  createFlavor,
  describeWithNova,
  type ComputeResponse,
} from './harness/nova.js';

const VERSIONS = ['2.1', '2.35'];
const idOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const SMALL = idOf(1);
const LARGE = idOf(2);
const MISSING = randomUUID();

/** Images of two projects that differ in whatever the Compute API shows or filters by. */
function imagesOf({ people: { demo, alt } }: Cloud): object[] {
  const at = (n: number): string => `2026-01-01T00:00:${String(n).padStart(2, '0')}Z`;
  const image = (n: number, attributes: object): object => ({
    ...{ id: idOf(n), name: `image ${n}`, status: 'active', visibility: 'private', owner: demo.projectId },
    ...{
      size: 1_000 * n,
      disk_format: 'raw',
      container_format: 'bare',
      created_at: at(n),
      updated_at: at(60 - n),
    },
    ...attributes,
  });
  return [
    image(1, { min_disk: 0, min_ram: 0, architecture: 'x86_64' }),
    image(2, { min_disk: 40, min_ram: 4_096, architecture: 'aarch64' }),
    image(3, { visibility: 'public', owner: alt.projectId, os_distro: 'debian' }),
    image(4, { visibility: 'community', owner: alt.projectId }),
    image(5, { status: 'queued', size: null }),
    image(6, { status: 'deactivated' }),
    image(7, { instance_uuid: randomUUID(), image_type: 'snapshot' }),
    image(8, { name: 'späte Größe', auto_disk_config: 'True' }),
    image(9, { owner: alt.projectId }),
  ];
}

/** Queries of lists. Those by other statuses are left out: Nova finds too little with them. */
const QUERIES = [
  ...['', '?limit=2', `?limit=2&marker=${idOf(3)}`, '?limit=0', '?limit=-1', '?limit=x', '?limit=1&limit=2'],
  ...[
    '?name=image 1',
    '?name=sp%C3%A4te Gr%C3%B6%C3%9Fe',
    '?status=ACTIVE',
    '?status=ACTIVE&minDisk=40',
    '?other=1',
  ],
  ...['?minRam=1', '?minDisk=40', '?type=snapshot', '?server=x', '?property-architecture=x86_64'],
  '?changes-since=2026-01-01T00:00:56Z',
];
/** What Nova refuses with Glance's message in a message of its own. */
const REWORDED = ['?marker=nothing', '?minRam=x', '?changes-since=never'];

function withoutMessage(response: object): object {
  return JSON.parse(JSON.stringify(response), (key, value: unknown) =>
    key === 'message' ? undefined : value,
  ) as object;
}

function suite(cloud: Cloud): void {
  let service: Service;
  let glimpse: ComputeClient;
  let nova: ComputeClient;

  beforeAll(async () => {
    const { demo, glimpse: user } = cloud.people;
    service = await startGlimpse(await createCatalogue({ images: imagesOf(cloud) }), user.env, {
      ...asGlanceOf(cloud),
      GLIMPSE_DATA_OPTIONS_PATH: newFolder(),
    });
    const token = await authenticate(cloud.authUrl, byPassword(demo), ownProject(demo));
    glimpse = new ComputeClient(`${service.url}/v2.1`, token);
    nova = new ComputeClient(cloud.novaUrl!, token);
    await until(async () => (await fetch(cloud.novaUrl!)).ok, 60_000);
  });

  afterAll(() => service?.stop());

  /** What both endpoints respond. */
  function both(path: string, version: string): Promise<ComputeResponse[]> {
    return Promise.all([glimpse, nova].map((client) => client.call(path, version)));
  }

  it.each(VERSIONS)(
    'responds to reads as the Nova whose Glance it is, in version %s',
    async (version) => {
      const ids = [...Array.from({ length: 9 }, (_, at) => idOf(at + 1)), MISSING, 'no-id'];
      const lists = [...QUERIES, ...REWORDED].flatMap((query) => [
        `/images${query}`,
        `/images/detail${query}`,
      ]);
      const resources = ids.flatMap((id) =>
        ['', '/metadata', '/metadata/architecture'].map((of) => `/images/${id}${of}`),
      );
      const [ours, novas] = [new Map<string, object>(), new Map<string, object>()];
      for (const path of [...lists, ...resources]) {
        const isReworded = REWORDED.some((query) => path.endsWith(query));
        const [one, other] = (await both(path, version)).map((response) =>
          isReworded ? withoutMessage(response) : response,
        );
        ours.set(path, one!);
        novas.set(path, other!);
      }
      expect(ours).toEqual(novas);
    },
    120_000,
  );

  it('shows changes that a client makes through Nova', async () => {
    const metadata = { mood: 'blue' };
    await nova.call(`/images/${SMALL}/metadata`, '2.1', 'POST', { metadata });
    const [ours, novas] = await both(`/images/${SMALL}/metadata`, '2.1');
    expect(ours).toEqual({ status: 200, body: { metadata: { architecture: 'x86_64', ...metadata } } });
    expect(novas).toEqual(ours);
    expect(await nova.call(`/images/${idOf(8)}`, '2.1', 'DELETE')).toMatchObject({ status: 204 });
    expect(await both(`/images/${idOf(8)}`, '2.1')).toMatchObject([{ status: 404 }, { status: 404 }]);
  });

  it('is where Nova reads the image of a new server', async () => {
    const flavorRef = await createFlavor(cloud);
    const boot = (imageRef: string): Promise<ComputeResponse> =>
      nova.call('/servers', '2.37', 'POST', {
        server: { name: 'new', flavorRef, imageRef, networks: 'none' },
      });
    expect(await boot(SMALL)).toMatchObject({ status: 202 });
    expect(await boot(LARGE)).toMatchObject({
      status: 400,
      body: { badRequest: { message: "Flavor's memory is too small for requested image." } },
    });
    expect(await boot(idOf(6))).toMatchObject({ status: 400 });
    expect(await boot(idOf(9))).toMatchObject({ status: 400 });
    expect(await boot(MISSING)).toMatchObject({
      status: 400,
      body: { badRequest: { message: 'Can not find requested image' } },
    });
  });
}

describeWithNova('A real Nova', suite);
