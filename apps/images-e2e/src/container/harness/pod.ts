import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest } from '../../harness/manifests.js';
import { podArguments, type Cluster } from './pod-arguments.js';
import { podman, podmanLater } from './podman.js';

let count = 0;

/** A running pod of a Deployment. */
export class Pod {
  private constructor(
    readonly name: string,
    private readonly manifest: Manifest,
    /** The addresses from outside, by the ports in the pod. */
    private readonly published: Readonly<Record<string, string>>,
  ) {}

  /**
   * Starts the pod of a Deployment.
   *
   * @param hosts the addresses of names, as a cluster's DNS has them
   */
  static async start(
    manifest: Manifest,
    cluster: Cluster,
    hosts: Readonly<Record<string, string>> = {},
  ): Promise<Pod> {
    const name = nameOf(manifest);
    const { code, stderr } = await podmanLater(
      ...['run', '--detach', '--name', name, ...hostArguments(hosts)],
      ...podArguments(manifest, cluster),
    );
    if (code !== 0) throw new Error(`${name} did not start: ${stderr}`);
    const lines = podman('port', name).split('\n').filter(Boolean);
    return new Pod(name, manifest, Object.fromEntries(lines.map((line) => line.split(' -> '))));
  }

  private get container(): Manifest {
    return this.manifest.spec.template.spec.containers[0] as Manifest;
  }

  /** The address of the pod in its network. */
  get address(): string {
    return this.inspect('{{.NetworkSettings.IPAddress}}');
  }

  /** The URL of a named port, from outside. */
  url(port = 'http'): string {
    const ports = this.container.ports as { name: string; containerPort: number }[];
    const number = ports.find(({ name }) => name === port)!.containerPort;
    return `http://${this.published[`${number}/tcp`]}`;
  }

  /** The status of a probe's request; undefined: there was no response. */
  async probe(kind: 'startupProbe' | 'livenessProbe' | 'readinessProbe'): Promise<number | undefined> {
    const { path, port } = this.container[kind].httpGet as { path: string; port: string };
    return fetch(this.url(port) + path).then(
      ({ status }) => status,
      () => undefined,
    );
  }

  /** Whether the command of the readiness probe succeeds. */
  async isReadyByCommand(): Promise<boolean> {
    const { command } = this.container.readinessProbe.exec as { command: string[] };
    return (await podmanLater('exec', this.name, ...command)).code === 0;
  }

  /** Runs a program of JavaScript in the pod, and returns what it prints. */
  async evaluate(program: string): Promise<string> {
    const { code, stdout, stderr } = await podmanLater('exec', this.name, '/nodejs/bin/node', '-e', program);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  inspect(format: string): string {
    return podman('inspect', '--format', format, this.name);
  }

  async log(): Promise<string> {
    const { stdout, stderr } = await podmanLater('logs', this.name);
    return stdout + stderr;
  }

  /** Ends it as a node does: `preStop`, SIGTERM, and SIGKILL after the grace period. @returns the exit code */
  async terminate(): Promise<number> {
    const grace = this.manifest.spec.template.spec.terminationGracePeriodSeconds as number;
    const before = (this.container.lifecycle?.preStop.sleep.seconds ?? 0) as number;
    await sleep(before * 1000);
    await podmanLater('stop', '--time', String(grace - before), this.name);
    return Number(this.inspect('{{.State.ExitCode}}'));
  }

  async remove(): Promise<void> {
    await podmanLater('rm', '--force', '--time', '0', this.name);
  }
}

/** Runs the pod of a Job to its end. */
export async function runJob(
  manifest: Manifest,
  cluster: Cluster,
  hosts: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return podmanLater('run', '--rm', ...hostArguments(hosts), ...podArguments(manifest, cluster));
}

/** Runs a program of JavaScript with the rights and the memory of a pod. @returns its exit code */
export async function runInstead(
  manifest: Manifest,
  cluster: Cluster,
  program: string,
): Promise<number | null> {
  const { args, image } = manifest.spec.template.spec.containers[0] as { args: string[]; image: string };
  const given = podArguments(manifest, cluster).slice(0, -args.length - 1);
  const { code } = await podmanLater(
    ...['run', '--rm', ...given, '--entrypoint', '["/nodejs/bin/node"]', image, '-e', program],
  );
  return code;
}

function nameOf({ metadata }: Manifest): string {
  return `glimpse-e2e-${process.pid}-${metadata.name}-${count++}`;
}

function hostArguments(hosts: Readonly<Record<string, string>>): string[] {
  return Object.entries(hosts).flatMap(([name, address]) => ['--add-host', `${name}:${address}`]);
}
