import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Cluster } from '@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1/Cluster';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { parse } from 'yaml';

export const DEPLOY = fileURLToPath(new URL('../../../../deploy/', import.meta.url));
export const hasKubectl = spawnSync('kubectl', ['kustomize', '--help']).status === 0;

/** The fields that the suites read; the schema checks the others. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as deep as Kubernetes goes
  readonly [field: string]: any;
}

/** The objects that `kubectl apply -k` would send. */
export function buildManifests(folder: string): Manifest[] {
  const text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
  return text.split(/^---$/m).map((document) => {
    const manifest = parse(document) as Manifest;
    if (manifest.kind !== 'Secret') return manifest;
    // Long values have line breaks, which Kubernetes reads and its schema does not have.
    const data = Object.entries(manifest.data as Record<string, string>);
    return {
      ...manifest,
      data: Object.fromEntries(data.map(([key, value]) => [key, value.replace(/\s/g, '')])),
    };
  });
}

type Model = (new () => { validate(): void }) & { readonly apiVersion: string };
const MODELS: Readonly<Record<string, Model>> = {
  Cluster,
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  Job,
  Namespace,
  NetworkPolicy,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  PrometheusRule,
  Secret,
  Service,
  ServiceAccount,
  ServiceMonitor,
};

/**
 * The errors of Kubernetes' schema for an object. The schemas let unknown fields pass, as the API server does
 * not; a field that validation never reads is an unknown one.
 */
export function problemsOf(manifest: Manifest): string[] {
  const model = MODELS[manifest.kind];
  if (model?.apiVersion !== manifest.apiVersion) {
    return [`${manifest.kind} of ${manifest.apiVersion} is not known`];
  }
  const unseen = new Set<string>();
  try {
    Object.assign(new model(), watched(manifest, '', unseen)).validate();
  } catch (error) {
    return (error as Error).message.split(', ');
  }
  return [...unseen].map((path) => `${path} is not known`);
}

function watched(value: unknown, path: string, unseen: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const copy: unknown = Array.isArray(value) ? [] : {};
  for (const [key, inner] of Object.entries(value)) {
    (copy as Record<string, unknown>)[key] = watched(inner, `${path}/${key}`, unseen);
    if (path !== '') unseen.add(`${path}/${key}`);
  }
  return new Proxy(copy as object, {
    get(target, key): unknown {
      unseen.delete(`${path}/${String(key)}`);
      return Reflect.get(target, key) as unknown;
    },
  });
}
