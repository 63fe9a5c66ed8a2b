import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MOUNT = '/sys/fs/cgroup';

/** The files of both versions of cgroups. */
const VERSIONS = [
  { line: /^\d+:memory:(.*)$/m, mount: join(MOUNT, 'memory'), limit: 'memory.limit_in_bytes' },
  { line: /^0::(.*)$/m, mount: MOUNT, limit: 'memory.max' },
];

/** A memory limit of the kernel, as pods have: a process beyond it is killed. */
export class MemoryCgroup {
  private constructor(private readonly folder: string) {}

  /** @returns undefined where this user cannot make one */
  static make(bytes: number): MemoryCgroup | undefined {
    if (!existsSync('/proc/self/cgroup')) return undefined;
    const own = readFileSync('/proc/self/cgroup', 'utf8');
    for (const { line, mount, limit } of VERSIONS) {
      const path = line.exec(own)?.[1];
      if (path === undefined) continue;
      const folder = join(mount, path, `glimpse-${process.pid}`);
      try {
        mkdirSync(folder);
      } catch {
        continue;
      }
      try {
        writeFileSync(join(folder, limit), String(bytes));
        return new MemoryCgroup(folder);
      } catch {
        rmdirSync(folder);
      }
    }
    return undefined;
  }

  /** A command that runs a program within the limit. */
  command(program: string, ...args: string[]): [string, ...string[]] {
    const enter = 'echo $$ >"$1" && shift && exec "$@"';
    return ['sh', '-c', enter, 'sh', join(this.folder, 'cgroup.procs'), program, ...args];
  }

  /** Its processes must have ended. */
  remove(): void {
    rmdirSync(this.folder);
  }
}
