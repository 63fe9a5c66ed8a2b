import { spawn, type ChildProcessWithoutNullStreams, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../../images/bin/glimpse.js', import.meta.url));

/** The environment of a run: nothing of the tester's settings, whatever they have set. */
function environment(settings: Record<string, string>): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, ...settings };
}

/** Starts the `glimpse` command as it was built. */
export function spawnGlimpse(
  args: readonly string[],
  settings: Record<string, string>,
  { cwd, detached }: Pick<SpawnOptions, 'cwd' | 'detached'> = {},
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [COMMAND, ...args], { env: environment(settings), cwd, detached });
}

/** Runs the `glimpse` command to its end. */
export async function glimpse(
  args: readonly string[],
  settings: Record<string, string>,
  { input, cwd }: { input?: string; cwd?: string } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = spawnGlimpse(args, settings, { cwd });
  let stdout = '';
  let stderr = '';
  run.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  run.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  run.stdin.on('error', () => undefined).end(input);
  const [code] = (await once(run, 'close')) as [number];
  return { code, stdout, stderr };
}
