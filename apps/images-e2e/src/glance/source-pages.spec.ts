import { createServiceCredentials } from '@glimpse/auth';
import { createGlanceSource } from '@glimpse/glance';
import type { ImageSource, SourceQuery } from '@glimpse/plugins';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { drainGlance, fillGlance } from './harness/fill-glance.js';
import { GlanceClient, emptyGlance } from './harness/glance-client.js';

const IMAGES = 10_000;

function suite(cloud: Cloud): void {
  const { people } = cloud;
  let demo: GlanceClient;
  let source: ImageSource;

  beforeAll(async () => {
    await emptyGlance(cloud);
    fillGlance(cloud, people.demo, IMAGES);
    demo = await GlanceClient.as(cloud, people.demo);
    const { OS_PASSWORD: password } = people.glimpse.env;
    const user = { username: 'glimpse', password, projectName: 'service' };
    const credentials = createServiceCredentials({ authUrl: cloud.authUrl, ...user });
    source = createGlanceSource({ url: cloud.image, timeout: 60 }, credentials);
  });

  afterAll(() => drainGlance(cloud));

  /** The ids of all pages; `meanwhile` runs after each page. */
  async function readAll(query: SourceQuery, meanwhile?: (named: readonly string[]) => Promise<void>) {
    const named: string[] = [];
    for (let after: SourceQuery['after']; ;) {
      const { images, bad, next } = await source.page({ ...query, ...(after && { after }) });
      expect(bad).toEqual([]);
      named.push(...images.map(({ id }) => id));
      if (!next) return named;
      await meanwhile?.(named);
      after = next;
    }
  }

  it('names ten thousand images, each once', async () => {
    const named = await readAll({ hidden: false });
    expect(named).toHaveLength(IMAGES);
    expect(new Set(named).size).toBe(IMAGES);
  }, 180_000);

  it('names those that remain, whatever happens to the marker and to others meanwhile', async () => {
    const gone = new Set<string>();
    const named = await readAll({ hidden: false }, async (so) => {
      // The marker itself is changed, hidden and deleted by turns.
      const marker = so.at(-1)!;
      if (gone.size % 3 === 0) await demo.set(marker, { touched: 'yes' });
      if (gone.size % 3 === 1) await demo.set(marker, { os_hidden: true });
      if (gone.size % 3 === 2) await demo.delete(marker);
      gone.add(marker);
    });
    expect(gone.size).toBeGreaterThan(10);
    expect(named).toHaveLength(IMAGES);
    expect(new Set(named).size).toBe(IMAGES);
    const hidden = await readAll({ hidden: true });
    expect(hidden.every((id) => gone.has(id))).toBe(true);
    expect(hidden.length).toBeGreaterThan(2);
  }, 180_000);

  it('names what has changed since a second, and nothing else', async () => {
    const { id, updated_at } = await demo.create();
    const named = await readAll({ hidden: false, changedSince: new Date(updated_at) });
    expect(named).toContain(id);
    expect(named.length).toBeLessThan(100);
  });
}

describeWithGlance('all pages of a real Glance', suite);
