import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

/** The reason why no namespace can be made here; empty where one can. */
export const CANNOT_ISOLATE = reason();

function reason(): string {
  if (process.platform !== 'linux') return ' (skipped: network namespaces are of Linux)';
  if (process.getuid?.() !== 0) return ' (skipped: only root makes network namespaces)';
  try {
    const probe = newName();
    ip('netns', 'add', probe);
    ip('netns', 'delete', probe);
    return '';
  } catch {
    return ' (skipped: no network namespace can be made here)';
  }
}

function newName(): string {
  return `glimpse-${randomBytes(4).toString('hex')}`;
}

/** A virtual link between the machine and the namespace, with an address at each end. */
export class Cable {
  /** An address that no device has: frames to it are lost. */
  static readonly #UNUSED_MAC = '02:00:00:00:00:01';

  /** @param device its name, which ends with `i` inside */
  constructor(
    private readonly namespace: string,
    private readonly device: string,
    /** The machine's address. */
    readonly outside: string,
    /** The namespace's. */
    readonly inside: string,
  ) {
    ip('link', 'add', device, 'type', 'veth', 'peer', 'name', `${device}i`, 'netns', namespace);
    ip('address', 'add', `${outside}/30`, 'dev', device);
    ip('link', 'set', device, 'up');
    ip('-n', namespace, 'address', 'add', `${inside}/30`, 'dev', `${device}i`);
    ip('-n', namespace, 'link', 'set', `${device}i`, 'up');
  }

  /** Silently drops what is sent into the namespace from now on, or what is sent either way. */
  lose(what: 'inwards' | 'all'): void {
    const to = ['lladdr', Cable.#UNUSED_MAC, 'nud', 'permanent', 'dev'];
    ip('neighbour', 'replace', this.inside, ...to, this.device);
    if (what === 'inwards') return;
    ip('-n', this.namespace, 'neighbour', 'replace', this.outside, ...to, `${this.device}i`);
  }

  /** Drops nothing any more. */
  mend(): void {
    ip('neighbour', 'flush', 'dev', this.device, 'nud', 'permanent');
    ip('-n', this.namespace, 'neighbour', 'flush', 'dev', `${this.device}i`, 'nud', 'permanent');
  }
}

/** A network namespace of a suite's own, with two cables to it. */
export class NetworkNamespace {
  readonly #name = newName();
  readonly cables: readonly [Cable, Cable];

  constructor() {
    ip('netns', 'add', this.#name);
    // 198.18.0.0/15 is for tests (RFC 2544).
    const net = `198.${randomInt(18, 20)}.${randomInt(256)}`;
    const suffix = this.#name.slice('glimpse-'.length);
    this.cables = [
      new Cable(this.#name, `ga${suffix}`, `${net}.1`, `${net}.2`),
      new Cable(this.#name, `gb${suffix}`, `${net}.5`, `${net}.6`),
    ];
  }

  /** The command line that runs a program inside. */
  command(...program: string[]): [program: string, ...args: string[]] {
    return ['ip', 'netns', 'exec', this.#name, ...program];
  }

  remove(): void {
    ip('netns', 'delete', this.#name);
  }
}
