import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient } from './harness/glance-client.js';
import { Mirror } from './harness/mirror.js';
import { missingTempest, tempest, type Verdicts } from './harness/tempest.js';

/** The tests of the Compute API that need neither a server nor an image made from one, by class. */
const TESTS = {
  'images.test_image_metadata.ImagesMetadataTestJSON': [
    'test_delete_image_metadata_item',
    'test_get_image_metadata_item',
    'test_list_image_metadata',
    'test_set_image_metadata',
    'test_set_image_metadata_item',
    'test_update_image_metadata',
  ],
  'images.test_image_metadata_negative.ImagesMetadataNegativeTestJSON': [
    'test_delete_nonexistent_image_metadata_item',
    'test_get_nonexistent_image_metadata_item',
    'test_list_nonexistent_image_metadata',
    'test_set_nonexistent_image_metadata',
    'test_set_nonexistent_image_metadata_item',
    'test_update_nonexistent_image_metadata',
  ],
  'images.test_images_negative.ImagesDeleteNegativeTestJSON': [
    'test_delete_image_blank_id',
    'test_delete_image_negative_image_id',
    'test_delete_image_non_hex_string_id',
    'test_delete_image_with_id_over_character_limit',
    'test_delete_image_with_invalid_image_id',
    'test_delete_non_existent_image',
  ],
  'images.test_list_image_filters_negative.ListImageFiltersNegativeTestJSON': ['test_get_nonexistent_image'],
  'images.test_list_images.ListImagesTestJSON': [
    'test_get_image',
    'test_list_images',
    'test_list_images_with_detail',
  ],
  'test_versions.TestVersions': ['test_get_version_details', 'test_list_api_versions'],
};

function suite(cloud: Cloud): void {
  let mirror: Mirror;
  let outcome: Verdicts;

  beforeAll(async () => {
    const admin = await GlanceClient.as(cloud, cloud.people.admin);
    const { id } = await admin.createActive({ name: 'public', visibility: 'public' });
    mirror = await Mirror.start(cloud, { GLIMPSE_PORT: new URL(cloud.compute).port });
    await mirror.isCaughtUp();
    const classes = Object.keys(TESTS).map((name) => name.replaceAll('.', '\\.'));
    outcome = await tempest(cloud, `compute\\.(${classes.join('|')})\\.`, id);
  }, 240_000);
  afterAll(() => mirror?.stop(), 30_000);

  it('pass, each of them, and none is skipped', () => {
    const wanted = Object.entries(TESTS).flatMap(([name, tests]) =>
      tests.map((test) => [`compute.${name}.${test}`, 'ok']),
    );
    // Tempest's own report of a failure says more than a difference of two lists.
    if (outcome.code !== 0) throw new Error(`${outcome.stdout}\n${outcome.stderr}\n${mirror.service.log()}`);
    expect(Object.fromEntries(outcome.verdicts)).toEqual(Object.fromEntries(wanted));
  });
}

describeWithGlance('Tempest’s tests of compute images', suite, missingTempest());
