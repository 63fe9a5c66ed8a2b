import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { newFolder } from '../../harness/service.js';

/** Debian's packages belong to Debian's Python, which need not be the first one. */
const PYTHON = '/usr/bin/python3';

/** The package that OpenStack's clients need and that is not installed, if any. */
export function missingClient(): string | undefined {
  for (const [module, name] of [
    ['openstack', 'python3-openstacksdk'],
    ['openstackclient', 'python3-openstackclient'],
  ] as const) {
    if (spawnSync(PYTHON, ['-c', `import ${module}`], { timeout: 30_000 }).status !== 0) return name;
  }
  return undefined;
}

/** The exit code and the output of a client. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a client.
 *
 * @param home its working and home directory, so that it does not read the tester's clouds
 */
export async function runClient(
  [program, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  home = newFolder(),
): Promise<Outcome> {
  const client = spawn(program, args, {
    cwd: home,
    env: { PATH: '/usr/bin:/bin', HOME: home, PYTHONIOENCODING: 'utf-8', ...env },
  });
  let stdout = '';
  let stderr = '';
  client.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  client.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(client, 'close')) as [number];
  return { code, stdout, stderr };
}

/** Runs Debian's Python. */
export function python(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  home?: string,
): Promise<Outcome> {
  return runClient([PYTHON, '-W', 'ignore', ...args], env, home);
}

/**
 * Runs lines of Python with openstacksdk: `conn` is a connection, `error(call)` returns the refusal of a call.
 *
 * @returns the value of `answer` after the lines
 */
export async function sdk(env: Readonly<Record<string, string>>, lines: string): Promise<unknown> {
  const program = `
import json, openstack
conn = openstack.connect()
def error(call):
    try:
        call()
    except openstack.exceptions.HttpException as refusal:
        return [refusal.status_code, refusal.details]
    return None
${lines}
print(json.dumps(answer))
`;
  const { code, stdout, stderr } = await python(['-c', program], env);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as unknown;
}

/** Runs the command `openstack`. */
export function openstack(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome> {
  return python(['/usr/bin/openstack', ...args], env);
}
