import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { amount } from '../harness/long.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { addEndpoint } from '../keystone/harness/endpoints.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient } from './harness/glance-client.js';
import { Mirror, withImageApi } from './harness/mirror.js';
import { missingTempest, tempest } from './harness/tempest.js';

/** It takes minutes. */
const test = amount(0, 1) > 0 ? it : it.skip;
const WHY_NOT = amount(0, 1) > 0 ? '' : ' (skipped: in long runs only)';
const REGION = 'Mirrored';
const TESTS = 'image\\.v2\\.';

function suite(cloud: Cloud): void {
  let mirror: Mirror;
  let imageId: string;

  beforeAll(async () => {
    if (amount(0, 1) === 0) return;
    const admin = await GlanceClient.as(cloud, cloud.people.admin);
    ({ id: imageId } = await admin.createActive({ name: 'public', visibility: 'public' }));
    mirror = await Mirror.start(cloud, withImageApi(cloud));
    await mirror.isCaughtUp();
    await addEndpoint(cloud, 'image', REGION, mirror.service.imageUrl);
  }, 120_000);
  afterAll(() => mirror?.stop(), 30_000);

  test(`have the same results at a mirror as at its Glance${WHY_NOT}`, async () => {
    const there = await tempest(cloud, TESTS, imageId);
    const here = await tempest(cloud, TESTS, imageId, REGION);
    const results = Object.fromEntries(here.verdicts);
    process.stderr.write(`${Object.values(results).filter((verdict) => verdict === 'ok').length} passed\n`);
    expect({ results, output: here.stderr }).toMatchObject({ results: Object.fromEntries(there.verdicts) });
    expect(Object.values(results)).toContain('ok');
  }, 1_200_000);
}

describeWithGlance('Tempest’s tests of the Image API', suite, missingTempest());
