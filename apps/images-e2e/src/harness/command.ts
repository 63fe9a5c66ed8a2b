import { spawn, type ChildProcessWithoutNullStreams, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The command as this checkout built it. */
const COMMAND = fileURLToPath(new URL('../../../images/bin/glimpse.js', import.meta.url));

/** The environment of a run: nothing of the tester's settings, whatever they have set. */
function environment(settings: Record<string, string>): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, ...settings };
}

/** Where a command runs, and which: unless given, the one that this checkout built. */
export interface Where extends Pick<SpawnOptions, 'cwd' | 'detached'> {
  readonly command?: string;
}

/** Starts the `glimpse` command. */
export function spawnGlimpse(
  args: readonly string[],
  settings: Record<string, string>,
  { cwd, detached, command = COMMAND }: Where = {},
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [command, ...args], { env: environment(settings), cwd, detached });
}

/** Runs the `glimpse` command to its end. */
export async function glimpse(
  args: readonly string[],
  settings: Record<string, string>,
  { input, ...where }: { input?: string } & Where = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = spawnGlimpse(args, settings, where);
  let stdout = '';
  let stderr = '';
  run.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  run.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  run.stdin.on('error', () => undefined).end(input);
  const [code] = (await once(run, 'close')) as [number];
  return { code, stdout, stderr };
}
