import { VISIBILITIES, type Image, type Viewer } from '@glimpse/domain';
import { imageOf, membersOf, until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf, type Person } from '../harness/catalogue.js';
import { Loop, request } from '../harness/coherence.js';
import { ListHistory, type Change } from '../harness/list-history.js';
import { comparableList, expectedList, listings, type Listing } from '../harness/listings.js';
import { amount } from '../harness/long.js';
import { ADMIN, NAMES, OWNERS, RandomChanges, TAGS, type ChangeRequest } from '../harness/random-changes.js';
import { randomNumbers } from '../harness/random-numbers.js';
import { startService, type Service } from '../harness/service.js';

/** How long a replica may show what another one has changed. */
const BOUND_MS = 2_000;
const REPLICAS = 3;
const STEPS = amount(60, 4_000);
/** Concurrent changes. */
const AT_ONCE = 3;
/** After so many steps the test waits until every list shows the last state. */
const QUIET = 30;

const PEOPLE: Record<string, Person> = {
  ...Object.fromEntries(
    Object.entries(OWNERS).map(([name, project_id]) => [name, { project_id, roles: ['member'] }]),
  ),
  [ADMIN]: { project_id: 'd'.repeat(32), roles: ['admin'] },
  unscoped: { roles: ['member'] },
};
const viewerOf = ({ project_id, roles }: Person): Viewer => ({
  project: project_id ?? null,
  admin: roles.includes('admin'),
});

const random = randomNumbers(20_261_130);
const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
const PROJECTS = Object.values(OWNERS);

const IMAGES: readonly Image[] = Array.from({ length: 24 }, (_, n) =>
  imageOf({
    id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    name: pick(NAMES),
    owner: PROJECTS[n % 3]!,
    // The marker of a list.
    visibility: n === 12 ? 'public' : VISIBILITIES[Math.floor(n / 3) % 4]!,
    tags: n % 2 === 0 ? [pick(TAGS)] : [],
    properties: { 'key-0': `v${n % 2}` },
    createdAt: new Date(Date.UTC(2020, 0, 1, 0, n)),
    members: membersOf({ [PROJECTS[(n + 1) % 3]!]: n % 2 === 0 ? 'accepted' : 'pending' }),
  }),
);
const MARKER = IMAGES[12]!.id;
const LISTINGS = listings(MARKER);

const services: Service[] = [];
beforeAll(async () => {
  const database = await createCatalogue({
    images: IMAGES.map(({ createdAt, properties, ...image }) => ({
      ...properties,
      ...{ id: image.id, name: image.name, status: image.status, visibility: image.visibility },
      ...{ owner: image.owner, tags: image.tags, created_at: createdAt.toISOString() },
    })),
    members: Object.fromEntries(
      IMAGES.map(({ id, members }) => [
        id,
        [...members].map(([member_id, { status }]) => ({ member_id, status })),
      ]),
    ),
  });
  const settings = { ...settingsOf(PEOPLE), GLIMPSE_IMAGE_PORT: '0' };
  for (let replica = 0; replica < REPLICAS; replica++) services.push(await startService(database, settings));
}, 120_000);
afterAll(() => Promise.all(services.map((service) => service.stop())));

const history = new ListHistory(IMAGES);

async function send(replica: number, { as, api, method, path, body }: ChangeRequest): Promise<number> {
  const { url, imageUrl } = services[replica]!;
  const type = method === 'PATCH' ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
  const { status } = await request(api === 'image' ? `${imageUrl}/v2/images` : `${url}/v2.1/images`, path, {
    method,
    headers: { 'x-auth-token': as, ...(body !== undefined && { 'content-type': type }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return status;
}

/** Makes a change, again after a response that leaves open whether it was made. */
async function make(change: Change, sent: ChangeRequest): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const status = await send(change.replica, sent);
    const isMade = status < 300 || (attempt > 1 && [404, 409].includes(status));
    if (isMade) break;
    if (status !== 503) throw new Error(`${status} for ${JSON.stringify(sent)}`);
  }
  change.acknowledgedAt = performance.now();
}

const changes = new RandomChanges(random, new Set([MARKER]));

async function step(): Promise<void> {
  const some = changes.some(history.present, AT_ONCE);
  const made: Change[] = some.map(({ id, image }) => ({ id, image, replica: random(REPLICAS) }));
  history.begin(made);
  await Promise.all(made.map((change, n) => make(change, some[n]!.request)));
}

/** The last list of each replica, caller and target, which a 304 refers to. */
const known = new Map<string, { readonly etag: string; readonly list: string }>();

/**
 * Reads a list, and checks that the catalogue had it within the bound.
 *
 * @returns whether it is that of the present state, and fresh
 */
async function read(
  replica: number,
  name: string,
  listing: Listing,
  isConditional: boolean,
): Promise<boolean> {
  const { url, imageUrl } = services[replica]!;
  const key = `${replica} ${name} ${listing.target}`;
  const before = isConditional ? known.get(key) : undefined;
  const from = performance.now();
  // By default a conditional fetch says `no-cache`, which requires the database.
  const init = {
    cache: 'force-cache',
    headers: { 'x-auth-token': name, ...(before && { 'if-none-match': before.etag }) },
  };
  const base = listing.api === 'image' ? imageUrl : url;
  const { status, headers, text } = await request(base, listing.target, init);
  // A busy machine.
  if (status === 503) return false;
  const list = status === 304 ? before!.list : comparableList(listing, text);
  if (status !== 304) known.set(key, { etag: headers.get('etag')!, list });
  const age = headers.get('age');
  const stale = age === null ? undefined : (Number(age) + 1) * 1_000;
  const times = { from, allowedMs: stale ?? BOUND_MS, ownAllowedMs: stale ?? 0 };
  const viewer = viewerOf(PEOPLE[name]!);
  for (const state of history.statesFor({ replica, ...times })) {
    if (expectedList(listing, state, viewer) !== list) continue;
    return age === null && list === expectedList(listing, history.present, viewer);
  }
  const present = expectedList(listing, history.present, viewer);
  throw new Error(`${key} showed ${list} (${status}, age ${age}), which it never was; now it is ${present}`);
}

async function allShowThePresent(): Promise<void> {
  for (let replica = 0; replica < REPLICAS; replica++) {
    for (const name of Object.keys(PEOPLE)) {
      for (const listing of LISTINGS) {
        await until(() => read(replica, name, listing, false), 60_000);
        await until(() => read(replica, name, listing, true), 60_000);
      }
    }
  }
}

async function hitsOf({ url }: Service): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^glimpse_list_reads_total\{[^}]*outcome="hit"[^}]*\} (\d+)/m.exec(metrics)![1]);
}

describe('three replicas during random changes through both APIs', () => {
  it(
    `show each caller lists that the catalogue had within ${BOUND_MS} ms, and at quiet moments the present one`,
    async () => {
      const readers = services.map((_, replica) => {
        const next = randomNumbers(replica + 1);
        return new Loop(async () => {
          const name = Object.keys(PEOPLE)[next(Object.keys(PEOPLE).length)]!;
          const listing = LISTINGS[next(LISTINGS.length)]!;
          for (const isConditional of [false, next(2) === 0])
            await read(replica, name, listing, isConditional);
        });
      });
      try {
        for (let done = 0; done < STEPS; done += QUIET) {
          for (let n = 0; n < QUIET; n++) await step();
          await allShowThePresent();
        }
      } finally {
        await Promise.all(readers.map((reader) => reader.stop()));
      }
      // Otherwise no page was read from memory.
      for (const service of services) expect(await hitsOf(service)).toBeGreaterThan(100);
    },
    amount(240_000, 3_600_000),
  );
});
