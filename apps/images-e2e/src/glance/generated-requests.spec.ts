import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { amount } from '../harness/long.js';
import { newFolder, startBareService, type Service } from '../harness/service.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { comparable } from './harness/comparable.js';
import {
  CALLERS,
  generateRequests,
  type Caller,
  type GeneratedRequest,
} from './harness/generated-requests.js';
import { GlanceClient, emptyGlance, type GlanceResponse } from './harness/glance-client.js';
import { restartGlanceWith, withCurrentDefaults } from './harness/glance-process.js';

const SEED = amount(20_261_130, Date.now() % 2 ** 31);
const COUNT = amount(250, 6_000);
/** The maximum number of images at a time. */
const MOST = 10;
const MISSING_ID = '00000000-0000-4000-8000-000000000000';

/** Whether the contract has the difference between two refusals. */
function isListed(
  { method, target, body }: GeneratedRequest,
  { status: expected, body: page }: GlanceResponse,
  { status: actual }: GlanceResponse,
): boolean {
  // What is an error of Glance itself is a refusal, or works.
  if (expected >= 500) return actual < 500;
  // A marker that the caller may not see is as one that does not exist.
  if (target.includes('marker=')) return expected === 403 && actual === 400;
  if (body === undefined || ![400, 403, 415].includes(actual)) return false;
  // The body is read before the image, and before policy and state.
  if (expected === 404) return true;
  const isPolicy = method !== 'PATCH' || String(page).includes('not authorized to complete');
  return actual !== 403 && [403, 409].includes(expected) && isPolicy;
}

/** The requests with one operation or attribute each, of one with several. */
function oneByOne(request: GeneratedRequest): GeneratedRequest[] {
  const { method, body } = request;
  if (method !== 'PATCH' && method !== 'POST') return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(body ?? '');
  } catch {
    return [];
  }
  const { id, ...attributes } = (parsed ?? {}) as Record<string, unknown>;
  const parts = Array.isArray(parsed)
    ? parsed.map((operation: unknown) => [operation])
    : Object.entries(attributes).map(([name, value]) => ({ id, [name]: value }));
  return parts.length < 2 ? [] : parts.map((part) => ({ ...request, body: JSON.stringify(part) }));
}

/** Stores with the names of those of the run's Glance. */
function configWithStores(): string {
  const folder = newFolder();
  const file = join(folder, 'glimpse.yaml');
  const stores = ['fast', 'slow'].map((id) => {
    return { id, use: 'file', options: { path: join(folder, id), reserve: 0 } };
  });
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ data_dir: folder, data: { stores, default_store: 'fast' } }));
  return file;
}

/**
 * A body without its times, which differ between the two, and with members as a set: Glance keeps the place of one that
 * was removed and is added again.
 */
function timeless(body: unknown): unknown {
  return JSON.parse(JSON.stringify(comparable(body) ?? null), (key, value: unknown) => {
    if (key === 'created_at' || key === 'updated_at') return typeof value;
    if (key !== 'members' || !Array.isArray(value)) return value;
    return value.map((member) => JSON.stringify(member)).sort();
  });
}

function suite(cloud: Cloud): void {
  let service: Service;
  let restore: (() => Promise<void>) | undefined;
  const clients = new Map<Caller, { readonly glance: GlanceClient; readonly own: GlanceClient }>();
  const ids: string[] = [];
  const statuses = new Map<number, number>();

  beforeAll(async () => {
    restore = await restartGlanceWith(cloud, withCurrentDefaults);
    await emptyGlance(cloud);
    service = await startBareService({
      DATABASE_URL: databaseUrl(await createDatabase('migrated')),
      GLIMPSE_CONFIG: configWithStores(),
      GLIMPSE_IMAGE_PORT: '0',
      ...cloud.people.glimpse.env,
    });
    await until(async () => (await fetch(`${service.url}/readyz`)).ok);
    for (const caller of CALLERS) {
      const glance = await GlanceClient.as(cloud, cloud.people[caller]);
      clients.set(caller, { glance, own: new GlanceClient(service.imageUrl, glance.token) });
    }
  }, 120_000);
  afterAll(() => Promise.all([service?.stop(), restore?.()]), 120_000);

  /** The id of the image at a place, or of none. */
  const idAt = (place: string): string => ids[Number(place) % ids.length] ?? MISSING_ID;
  const filledIn = (template: string): string =>
    template
      .replace(/(?:\{|%7B)(\d+)(?:\}|%7D)/g, (_, place: string) => idAt(place))
      .replace(/(?:\{|%7B)(demo|alt|admin)(?:\}|%7D)/g, (_, name: Caller) => cloud.people[name].projectId);

  /** Deletes an image at both, whatever its state. */
  async function purge(id: string): Promise<void> {
    for (const client of Object.values(clients.get('admin')!)) {
      await client.patch(id, [{ op: 'replace', path: '/protected', value: false }]);
      await client.call('DELETE', `/v2/images/${id}`);
    }
    if (ids.includes(id)) ids.splice(ids.indexOf(id), 1);
  }

  /** Sends a request to both; returns how the responses differ, if they do. */
  async function compare(request: GeneratedRequest): Promise<string | undefined> {
    const { caller, method, target, type, body } = request;
    const sent = {
      ...(type && { headers: { 'content-type': type } }),
      ...(body !== undefined && { body: new TextEncoder().encode(body) }),
    };
    const { glance, own } = clients.get(caller)!;
    const [expected, actual] = await Promise.all([
      glance.call(method, target, sent),
      own.call(method, target, sent),
    ]);
    statuses.set(expected.status, (statuses.get(expected.status) ?? 0) + 1);
    const [, named] = /^\/v2\/images\/([^/?]+)/.exec(target) ?? [];
    const isCreation = method === 'POST' && target === '/v2/images';
    const { id } = (isCreation && expected.status === 201 ? expected.body : { id: named }) as { id: string };
    if (isCreation && expected.status === 201) ids.push(id);
    if (method === 'DELETE' && target === `/v2/images/${id}` && expected.status === 204) {
      ids.splice(ids.indexOf(id), 1);
    }
    // Glance makes an image whose data is staged queued again when it refuses an upload.
    if (method === 'PUT' && target.endsWith('/file') && expected.status === 403) await purge(id);
    if (isListed(request, expected, actual)) return undefined;
    // Of several faults each of the two names the one that it finds first.
    const areRefusals = expected.status >= 400 && actual.status >= 400 && actual.status !== expected.status;
    const parts = areRefusals ? oneByOne(request) : [];
    if (parts.length > 0) {
      const differences: string[] = [];
      for (const part of parts) {
        const difference = await compare(part);
        if (difference !== undefined) differences.push(difference);
        if (isCreation && id) await purge(id);
      }
      return differences.length > 0 ? differences.join('\n') : undefined;
    }
    const form = ({ status, body }: GlanceResponse): object => ({
      request,
      status,
      ...(status < 400 && { body: timeless(body) }),
    });
    try {
      expect(form(actual)).toEqual(form(expected));
      return undefined;
    } catch (error) {
      if (method !== 'GET' && id) await purge(id);
      return `${(error as Error).message}\n${JSON.stringify([expected.body, actual.body])}`;
    }
  }

  it(`answers ${COUNT} generated requests as Glance does (seed ${SEED})`, async () => {
    const differences: string[] = [];
    for (const generated of generateRequests(COUNT, SEED)) {
      if (ids.length === MOST) await purge(ids[0]!);
      const target = filledIn(generated.target);
      const { body } = generated;
      const difference = await compare({
        ...generated,
        target,
        ...(body !== undefined && { body: filledIn(body) }),
      });
      if (difference !== undefined) differences.push(difference);
    }
    process.stderr.write(`${JSON.stringify(Object.fromEntries(statuses))}\n`);
    if (differences.length > 0) throw new Error(differences.join('\n\n'));
  }, 3_600_000);
}

describeWithGlance('a catalogue of its own', suite);
