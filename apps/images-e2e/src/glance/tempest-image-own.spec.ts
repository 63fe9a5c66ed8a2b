import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { amount } from '../harness/long.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { addEndpoint } from '../keystone/harness/endpoints.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient } from './harness/glance-client.js';
import { startOwnCatalogue, type OwnCatalogue } from './harness/own-catalogue.js';
import { missingTempest, tempest } from './harness/tempest.js';

/** It takes minutes. */
const test = amount(0, 1) > 0 ? it : it.skip;
const WHY_NOT = amount(0, 1) > 0 ? '' : ' (skipped: in long runs only)';
const REGION = 'Own';
const TESTS = 'image\\.v2\\.';

/** Staged data and its import, and names that only the service sets. */
const FEATURES = ['import_image', 'os_glance_reserved'];

/** The tests that pass at a Glance and fail here, by their names, with the reason. */
const LEFT_OUT: Readonly<Record<string, RegExp>> = {
  'metadata definitions are left out': /metadefs/,
};

function suite(cloud: Cloud): void {
  let own: OwnCatalogue;
  let imageId: string;

  beforeAll(async () => {
    if (amount(0, 1) === 0) return;
    const admin = await GlanceClient.as(cloud, cloud.people.admin);
    ({ id: imageId } = await admin.createActive({ name: 'public', visibility: 'public' }));
    own = await startOwnCatalogue(cloud);
    await addEndpoint(cloud, 'image', REGION, own.service.imageUrl);
  }, 120_000);
  afterAll(() => own?.service.stop(), 30_000);

  test(`pass at a catalogue of its own where they pass at a real Glance, but for what is left out${WHY_NOT}`, async () => {
    const there = await tempest(cloud, TESTS, imageId, undefined, FEATURES);
    const here = await tempest(cloud, TESTS, imageId, REGION, FEATURES);
    const passed = (verdicts: ReadonlyMap<string, string>): string[] =>
      [...verdicts].filter(([, verdict]) => verdict === 'ok').map(([name]) => name);
    const results = [passed(there.verdicts), passed(here.verdicts)];
    process.stderr.write(`${results[1]!.length} of ${results[0]!.length} passed\n`);
    const expected = results[0]!.filter((name) => !Object.values(LEFT_OUT).some((part) => part.test(name)));
    expect({ passed: results[1]!.sort(), output: here.stdout }).toMatchObject({ passed: expected.sort() });
    expect(expected.length).toBeGreaterThan(40);
  }, 1_800_000);
}

describeWithGlance('Tempest’s tests of the Image API', suite, missingTempest());
