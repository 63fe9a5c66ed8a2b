import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder } from '../../harness/service.js';
import type { Cloud } from '../../keystone/harness/cloud.js';
import { python, type Outcome } from '../../keystone/harness/python-client.js';

const PROGRAM = '/usr/bin/tempest';

/** The package that Tempest needs and that is not installed, if any. */
export function missingTempest(): string | undefined {
  return existsSync(PROGRAM) ? undefined : 'python3-tempest';
}

/** The results of Tempest's tests. */
export interface Verdicts extends Outcome {
  /** `ok`, `FAILED` or `SKIPPED: …` by the test's name below `tempest.api`, and of what is set up for several. */
  readonly verdicts: ReadonlyMap<string, string>;
}

/**
 * Runs OpenStack's Tempest, as it is installed, one test at a time. It makes projects and users of its own as
 * the cloud's administrator.
 *
 * @param tests a regular expression: which tests of `tempest.api`
 * @param imageId an active public image
 * @param imageRegion the region of the image endpoint that it uses
 * @param features what is tested besides, as Tempest's `image-feature-enabled` names it
 */
export async function tempest(
  cloud: Cloud,
  tests: string,
  imageId: string,
  imageRegion = cloud.people.admin.env['OS_REGION_NAME']!,
  features: readonly string[] = [],
): Promise<Verdicts> {
  const home = newFolder();
  const config = join(home, 'tempest.conf');
  mkdirSync(join(home, 'locks'));
  const enabled = features.map((name) => `${name} = true\n`).join('');
  const section = `[image-feature-enabled]\n${enabled}`;
  writeFileSync(config, configuration(cloud, home, imageId, imageRegion) + section);
  const args = [PROGRAM, 'run', '--config-file', config, '--serial', '--regex', `^tempest\\.api\\.${tests}`];
  const outcome = await python(args, {}, home);
  return { ...outcome, verdicts: readVerdicts(outcome.stdout) };
}

function configuration(
  { authUrl, people }: Cloud,
  home: string,
  imageId: string,
  imageRegion: string,
): string {
  const { OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME, OS_REGION_NAME } = people.admin.env;
  return `
[DEFAULT]
log_file = ${home}/tempest.log
[oslo_concurrency]
lock_path = ${home}/locks
[auth]
admin_username = ${OS_USERNAME}
admin_password = ${OS_PASSWORD}
admin_project_name = ${OS_PROJECT_NAME}
admin_domain_name = Default
[identity]
auth_version = v3
uri_v3 = ${authUrl}
region = ${OS_REGION_NAME}
[identity-feature-enabled]
api_v2 = false
[compute]
image_ref = ${imageId}
[image]
region = ${imageRegion}
[service_available]
nova = true
glance = true
neutron = false
cinder = false
swift = false
`;
}

/** Reads lines such as `{0} tempest.api.compute.test_versions.TestVersions.test_it [0.1s] ... ok`. */
function readVerdicts(output: string): ReadonlyMap<string, string> {
  const lines = output.matchAll(
    /^\{\d+\} (?:tempest\.api\.)?(.+?)(?:\[[^\]]*\])? \[[\d.]+s\] \.\.\. (.+)$/gm,
  );
  return new Map([...lines].map(([, name, verdict]) => [name!, verdict!]));
}
