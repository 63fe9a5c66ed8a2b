import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Manifest } from '../../harness/manifests.js';
import { newFolder } from '../../harness/service.js';

/** Fields of a pod that concern its node or Kubernetes' API, and say nothing to a container. */
const OF_THE_CLUSTER = new Set([
  'automountServiceAccountToken',
  'containers',
  'enableServiceLinks',
  'restartPolicy',
  'securityContext',
  'serviceAccountName',
  'terminationGracePeriodSeconds',
  'topologySpreadConstraints',
  'volumes',
]);
/** Fields of a container that are read below, or by {@link Pod}. */
const OF_THE_CONTAINER = new Set([
  'args',
  'env',
  'envFrom',
  'image',
  'lifecycle',
  'livenessProbe',
  'name',
  'ports',
  'readinessProbe',
  'resources',
  'securityContext',
  'startupProbe',
  'volumeMounts',
]);

/** The objects that a pod refers to. */
export interface Cluster {
  readonly manifests: readonly Manifest[];
  /** Secrets that the overlay expects: those of a person, or of an operator. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Values of the ConfigMap that an overlay of an operator's own would replace. */
  readonly settings: Readonly<Record<string, string>>;
  /** The folders of volume claims, by their names, which outlive a pod. */
  readonly claims: Map<string, string>;
}

/**
 * The arguments of `podman run` for the pod of a Deployment or a Job: its user, its rights, its memory, its files and
 * its environment, from the manifest's own fields.
 *
 * @throws for a field that is not translated, so that no field goes untested unnoticed
 */
export function podArguments({ spec }: Manifest, cluster: Cluster): string[] {
  const pod = spec.template.spec as Manifest;
  const [container, ...others] = pod.containers as Manifest[];
  refuseOthers('pod', pod, OF_THE_CLUSTER);
  refuseOthers('container', container!, OF_THE_CONTAINER);
  if (others.length > 0) throw new Error('a pod of several containers is not translated');
  return [
    ...securityOf(pod.securityContext as Manifest, container!.securityContext as Manifest),
    ...memoryOf(container!.resources as Manifest),
    ...Object.entries(environmentOf(container!, cluster)).flatMap(([name, value]) => [
      '--env',
      `${name}=${value}`,
    ]),
    ...((container!.ports ?? []) as { containerPort: number }[]).flatMap(({ containerPort }) => [
      '--publish',
      `127.0.0.1::${containerPort}`,
    ]),
    ...mountsOf(pod, container!, cluster),
    container!.image as string,
    ...((container!.args ?? []) as string[]),
  ];
}

function refuseOthers(what: string, fields: Manifest, known: ReadonlySet<string>): void {
  const others = Object.keys(fields).filter((name) => !known.has(name));
  if (others.length > 0) throw new Error(`the fields ${others.join(', ')} of a ${what} are not translated`);
}

function securityOf(pod: Manifest, container: Manifest): string[] {
  refuseOthers(
    'security context',
    { ...pod, ...container },
    new Set([
      'allowPrivilegeEscalation',
      'capabilities',
      'fsGroup',
      'fsGroupChangePolicy',
      'readOnlyRootFilesystem',
      'runAsGroup',
      'runAsNonRoot',
      'runAsUser',
      'seccompProfile',
    ]),
  );
  if (pod.runAsNonRoot && !(pod.runAsUser > 0)) throw new Error('runAsUser is root, or the image decides');
  return [
    ...['--user', `${pod.runAsUser}:${pod.runAsGroup}`],
    ...(container.readOnlyRootFilesystem ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...(container.allowPrivilegeEscalation ? [] : ['--security-opt', 'no-new-privileges']),
    // Podman's own profile, which is its default, is the RuntimeDefault of Kubernetes.
    ...(pod.seccompProfile?.type === 'RuntimeDefault' ? [] : ['--security-opt', 'seccomp=unconfined']),
    ...(container.capabilities.drop as string[]).flatMap((name) => ['--cap-drop', name.toLowerCase()]),
  ];
}

function memoryOf({ limits }: Manifest): string[] {
  const [, mebibytes] = /^(\d+)Mi$/.exec(limits.memory as string)!;
  // Without swap, as on a node of Kubernetes.
  return ['--memory', `${mebibytes}m`, '--memory-swap', `${mebibytes}m`];
}

function environmentOf(container: Manifest, cluster: Cluster): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { configMapRef } of (container.envFrom ?? []) as Manifest[]) {
    const map = cluster.manifests.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMapRef.name,
    )!;
    Object.assign(values, map.data, cluster.settings);
  }
  for (const { name, value, valueFrom } of (container.env ?? []) as Manifest[]) {
    const text = (value ?? secretOf(cluster, valueFrom.secretKeyRef as Manifest)) as string;
    values[name as unknown as string] = text.replaceAll(/\$\((\w+)\)/g, (_, other: string) => values[other]!);
  }
  return values;
}

/** A key of a Secret, which the overlay has or {@link Cluster.secrets}. */
function secretOf({ manifests, secrets }: Cluster, { name, key }: Manifest): string {
  const own = manifests.find(
    ({ kind, metadata }) => kind === 'Secret' && metadata.name === (name as unknown),
  );
  const encoded = own?.data[key] as string | undefined;
  const value = encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
  const found = value ?? secrets[name as unknown as string]?.[key as string];
  if (found === undefined) throw new Error(`there is no Secret ${String(name)} with the key ${key}`);
  return found;
}

function mountsOf(pod: Manifest, container: Manifest, cluster: Cluster): string[] {
  const group = pod.securityContext.fsGroup as number;
  return ((container.volumeMounts ?? []) as Manifest[]).flatMap(({ name, mountPath, readOnly }) => {
    const volume = (pod.volumes as Manifest[]).find((each) => (each.name as unknown) === name)!;
    const folder = folderOf(volume, group, cluster);
    return ['--volume', `${folder}:${mountPath}:${readOnly ? 'ro' : 'rw'}`];
  });
}

function folderOf(
  { emptyDir, persistentVolumeClaim, secret }: Manifest,
  group: number,
  cluster: Cluster,
): string {
  if (emptyDir) return emptyFolder(group);
  if (!persistentVolumeClaim) return secretFolder(secret as Manifest, group, cluster);
  const { claimName } = persistentVolumeClaim as { claimName: string };
  const folder = cluster.claims.get(claimName) ?? emptyFolder(group);
  cluster.claims.set(claimName, folder);
  return folder;
}

function emptyFolder(group: number): string {
  const folder = newFolder();
  chownSync(folder, 0, group);
  chmodSync(folder, 0o2777);
  return folder;
}

/** The files of a Secret, which only the pod's group reads. */
function secretFolder({ secretName, items }: Manifest, group: number, cluster: Cluster): string {
  const folder = newFolder();
  chmodSync(folder, 0o755);
  const own = cluster.manifests.find(
    ({ kind, metadata }) => kind === 'Secret' && metadata.name === (secretName as unknown),
  );
  const all = Object.keys((own?.data ?? {}) as object).map((key) => ({ key, path: key }));
  for (const { key, path } of (items ?? all) as { key: string; path: string }[]) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, secretOf(cluster, { name: secretName, key } as unknown as Manifest));
    chownSync(file, 0, group);
    chmodSync(file, 0o440);
  }
  return folder;
}
