import { spawnSync } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The user that PostgreSQL's programs run as. They refuse to run as root. */
export type ServerUser =
  /** As the user of this process. */
  | { readonly kind: 'self' }
  /** As an unprivileged user of the machine. */
  | { readonly kind: 'other'; readonly uid: number; readonly gid: number }
  /** As root with another user id in a user namespace: where no other user can enter. */
  | { readonly kind: 'namespace' };

const NAMESPACE = ['unshare', '--user', '--map-user=65534', '--map-group=65534', '--'];

function idOf(option: '-u' | '-g', user: string): number | undefined {
  const { status, stdout } = spawnSync('id', [option, user], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : undefined;
}

/** Whether a user that owns nothing on the way can enter a folder. */
function canEnter(folder: string, uid: number): boolean {
  for (let at = realpathSync(folder); ; at = dirname(at)) {
    const { mode, uid: owner } = statSync(at);
    if (owner === uid ? !(mode & 0o100) : !(mode & 0o001)) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * Chooses the user that the server of a data folder runs as: the owner of an existing one; for a new one, when this
 * is root, `postgres` where the machine has it, else `nobody`.
 *
 * @param cluster the folder that PostgreSQL owns, which may not exist yet
 * @param folders what the user must be able to enter
 */
export function chooseUser(cluster: string, folders: readonly string[]): ServerUser {
  if (process.getuid?.() !== 0) return { kind: 'self' };
  const existing = statSync(cluster, { throwIfNoEntry: false });
  if (existing) {
    if (existing.uid === 0) return { kind: 'namespace' };
    return { kind: 'other', uid: existing.uid, gid: existing.gid };
  }
  for (const name of ['postgres', 'nobody']) {
    const uid = idOf('-u', name);
    const gid = idOf('-g', name);
    if (uid === undefined || gid === undefined) continue;
    if (folders.every((folder) => canEnter(folder, uid))) return { kind: 'other', uid, gid };
  }
  return { kind: 'namespace' };
}

/** The command line that runs a program as a user, and the ids to start it with. */
export function asUser(
  user: ServerUser,
  program: string,
  args: readonly string[],
): { command: string; args: string[]; ids: { uid?: number; gid?: number } } {
  if (user.kind === 'namespace') {
    return { command: NAMESPACE[0]!, args: [...NAMESPACE.slice(1), program, ...args], ids: {} };
  }
  const ids = user.kind === 'other' ? { uid: user.uid, gid: user.gid } : {};
  return { command: program, args: [...args], ids };
}
