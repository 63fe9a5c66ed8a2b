import { spawn, type ChildProcessWithoutNullStreams, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';

/** The program `glimpse` of the package that the run's setup made: what the container image has. */
export const COMMAND = process.env['GLIMPSE_E2E_COMMAND']!;

/** Settings in the environment; those that are undefined are left out. */
export type Settings = Readonly<Record<string, string | undefined>>;

/** The environment of a run, without the settings of the tester. */
function environment(settings: Settings): Record<string, string | undefined> {
  const { PATH = '', HOME = '', GLIMPSE_E2E_TZ } = process.env;
  return { PATH, HOME, ...(GLIMPSE_E2E_TZ && { TZ: GLIMPSE_E2E_TZ }), ...settings };
}

/** Options of a run. */
export interface Run extends Pick<SpawnOptions, 'cwd' | 'detached'> {
  /** The command to run as `glimpse`; by default the packaged one. */
  readonly command?: readonly [program: string, ...args: string[]];
}

/** Starts the `glimpse` command, in a folder of its own unless the options name one: it keeps its data there by default. */
export function spawnGlimpse(
  args: readonly string[],
  settings: Settings,
  {
    cwd = newWorkingFolder(),
    detached,
    command: [program, ...first] = [process.execPath, COMMAND],
  }: Run = {},
): ChildProcessWithoutNullStreams {
  return spawn(program, [...first, ...args], { env: environment(settings), cwd, detached });
}

function newWorkingFolder(): string {
  return mkdtempSync(join(process.env['GLIMPSE_E2E_FOLDER']!, 'working-'));
}

/** Runs the `glimpse` command to its end. */
export async function glimpse(
  args: readonly string[],
  settings: Record<string, string>,
  { input, ...how }: Run & { input?: string } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = spawnGlimpse(args, settings, how);
  let stdout = '';
  let stderr = '';
  run.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  run.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  run.stdin.on('error', () => undefined).end(input);
  const [code] = (await once(run, 'close')) as [number];
  return { code, stdout, stderr };
}
