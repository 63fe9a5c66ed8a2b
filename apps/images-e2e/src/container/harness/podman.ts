import { spawn, spawnSync } from 'node:child_process';
import { describe } from '@jest/globals';

/** The container image that the suites run. */
export const IMAGE = process.env['GLIMPSE_E2E_IMAGE'] ?? '';

/** Suites that need something of the machine, and the reason why they are skipped. */
function suiteUnless(reason = ''): { suite: typeof describe.skip; why: string } {
  return reason === ''
    ? { suite: describe, why: '' }
    : { suite: describe.skip, why: ` (skipped: ${reason})` };
}

/** Of the container image. */
export const ofImage = suiteUnless(process.env['GLIMPSE_E2E_NO_CONTAINER']);
/** Of the image as the manifests describe its pods. */
export const ofPods = suiteUnless(process.env['GLIMPSE_E2E_NO_PODS']);

/** The output of Podman. @throws with what it reports */
export function podman(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('podman', args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    cwd: process.env['GLIMPSE_E2E_FOLDER'],
  });
  if (status !== 0) throw new Error(`podman ${args[0]}: ${stderr.trim()}`);
  return stdout.trim();
}

/** Runs Podman while this process goes on serving what containers depend on. */
export async function podmanLater(
  ...args: string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  // Its monitor notes in the working folder which pods ran out of memory.
  const run = spawn('podman', args, { cwd: process.env['GLIMPSE_E2E_FOLDER'] });
  let [stdout, stderr] = ['', ''];
  run.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  run.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => run.once('close', resolve));
  return { code, stdout, stderr };
}
