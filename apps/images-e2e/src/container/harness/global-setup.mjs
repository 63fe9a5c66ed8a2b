import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IMAGE, missingEngine, podman, podmanEnvironment } from '../../../../../tools/container/engine.mjs';

/** Leads Podman to the image of `npm run container`; without one, every suite is skipped with the reason. */
export default function setUp() {
  process.env['GLIMPSE_E2E_FOLDER'] = mkdtempSync(join(tmpdir(), 'glimpse-e2e-'));
  const reason = whyNoContainer();
  process.env['GLIMPSE_E2E_NO_CONTAINER'] = reason;
  if (reason !== '') console.error(`SKIPPED: ${reason}, so no container was run`);
  else Object.assign(process.env, podmanEnvironment(), { GLIMPSE_E2E_IMAGE: IMAGE });
  const noPods = reason || whyNoPods();
  process.env['GLIMPSE_E2E_NO_PODS'] = noPods;
  if (reason === '' && noPods !== '') console.error(`SKIPPED: ${noPods}, so no pod was run`);
}

/** The manifests are rendered for a pod. */
const whyNoPods = () =>
  spawnSync('kubectl', ['kustomize', '--help']).status === 0 ? '' : 'kubectl is not installed';

function whyNoContainer() {
  const missing = missingEngine();
  if (missing !== undefined) return missing;
  if (process.getuid() !== 0) return 'limits of memory need root';
  if (podman(['image', 'exists', IMAGE]).status !== 0) return `there is no image ${IMAGE}: npm run container`;
  const run = [
    'run',
    '--rm',
    '--network',
    'none',
    '--entrypoint',
    '["/nodejs/bin/node"]',
    IMAGE,
    '--version',
  ];
  const { status, stderr } = podman(run);
  return status === 0 ? '' : `podman runs no containers here: ${stderr.trim()}`;
}
