import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../harness/balancer.js';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { startFollower } from '../harness/follower.js';
import { DEPLOY, buildManifests, hasKubectl, problemsOf, type Manifest } from '../harness/manifests.js';
import { newFolder, startBareService, type Service } from '../harness/service.js';

const OVERLAYS = ['development', 'production', 'mirror', 'file'] as const;
const VERSION = (
  JSON.parse(readFileSync(new URL('../../../images/package.json', import.meta.url), 'utf8')) as {
    version: string;
  }
).version;

/** The folder of image data. */
const DATA_PATH = 'GLIMPSE_DATA_OPTIONS_PATH';

const suite = hasKubectl ? describe : describe.skip;
const why = hasKubectl ? '' : ' (skipped: kubectl is not installed)';

function find(manifests: readonly Manifest[], kind: string, name = 'glimpse'): Manifest {
  const found = manifests.filter(
    (one) => one.kind === kind && one.metadata.name.replace(/-[0-9a-z]{10}$/, '') === name,
  );
  expect(found.map(({ metadata }) => metadata.name)).toHaveLength(1);
  return found[0]!;
}

const podOf = ({ spec }: Manifest): Manifest => spec.template.spec as Manifest;
const DNS = [53, 5353].flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ port, protocol })));
const containerOf = (manifest: Manifest): Manifest => podOf(manifest).containers[0] as Manifest;
/** The environment of `serve`: the ConfigMap and the variables of its container. */
const environmentOf = (manifests: readonly Manifest[]): Record<string, string> => ({
  ...(find(manifests, 'ConfigMap').data as Record<string, string>),
  ...ownEnvironmentOf(find(manifests, 'Deployment')),
});
/** The settings of a pod here: without its database, and with files in place of those that are mounted. */
function settingsOfPod(environment: Readonly<Record<string, string>>): Record<string, string> {
  const files = newFolder();
  const settings = Object.entries(environment).map(([name, value]) => {
    if (name === 'DATABASE_URL') return [name, 'postgresql://glimpse@127.0.0.1:1/none'];
    if (!value.startsWith('/')) return [name, value];
    writeFileSync(join(files, name), 'secret');
    return [name, join(files, name)];
  });
  return Object.fromEntries(settings) as Record<string, string>;
}

const ownEnvironmentOf = (manifest: Manifest): Record<string, string> =>
  Object.fromEntries(
    ((containerOf(manifest).env ?? []) as { name: string; value?: string }[]).flatMap(({ name, value }) =>
      value === undefined ? [] : [[name, value]],
    ),
  );

describe('the check of manifests', () => {
  const service = (spec: object): Manifest => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'one' },
    spec,
  });

  it.each([
    [{ ports: [{ port: 1 }] }, []],
    [{ ports: [{ port: 'one' }] }, [expect.stringContaining('/spec/ports/0/port must be integer')]],
    [{ ports: [{ port: 1, targetport: 2 }] }, ['/spec/ports/0/targetport is not known']],
  ])('reports of %j what is wrong with it', (spec, problems) => {
    expect(problemsOf(service(spec))).toEqual(problems);
  });
});

describe('the container image', () => {
  const containerfile = readFileSync(join(DEPLOY, 'Containerfile'), 'utf8');
  const image = containerfile.slice(containerfile.lastIndexOf('\nFROM '));

  it('installs with the manifest of every workspace', () => {
    const manifests = ['apps', 'libs'].flatMap((folder) =>
      readdirSync(join(DEPLOY, '..', folder)).map(
        (name) => `COPY ${folder}/${name}/package.json ${folder}/${name}/`,
      ),
    );
    expect(containerfile.match(/^COPY (?:apps|libs)\/.*$/gm)).toEqual(manifests);
  });

  it('runs the package, in production, as an unprivileged user', () => {
    expect(image).not.toMatch(/^RUN /m);
    expect(image).toContain('ENV NODE_ENV=production GLIMPSE_MODE=production\n');
    expect(image).toContain('USER 65532:65532\n');
    expect(image).toMatch(
      /^ENTRYPOINT \["\/nodejs\/bin\/node", .*"\/usr\/local\/bin\/glimpse"\]\nCMD \["serve"\]$/m,
    );
    const base = readFileSync(join(DEPLOY, 'kubernetes/base/deployment.yaml'), 'utf8');
    expect(base).toContain('runAsUser: 65532\n');
  });
});

suite.each(OVERLAYS)(`the manifests for %s${why}`, (overlay) => {
  let manifests: Manifest[];
  let workloads: Manifest[];
  beforeAll(() => {
    manifests = buildManifests(join(DEPLOY, 'kubernetes/overlays', overlay));
    workloads = manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job');
  });

  it('are valid by the schemas of Kubernetes and the operators', () => {
    expect(manifests.length).toBeGreaterThan(8);
    for (const manifest of manifests) {
      expect({ [manifest.kind]: problemsOf(manifest) }).toEqual({ [manifest.kind]: [] });
    }
  });

  it('run this release, and migrate in a Job named after it', () => {
    const image = containerOf(find(manifests, 'Deployment')).image as string;
    expect(image.split(':')[1]).toBe(VERSION);
    const job = find(manifests, 'Job', `glimpse-migrate-${VERSION}`);
    expect(containerOf(job)).toMatchObject({ image, args: ['migrate'] });
  });

  // The volume of image data is for one replica.
  if (overlay !== 'file') {
    it('roll without a moment in which a replica is missing', () => {
      const { spec } = find(manifests, 'Deployment');
      expect(spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
      expect(spec.minReadySeconds).toBeGreaterThan(0);
      expect(find(manifests, 'PodDisruptionBudget').spec.maxUnavailable).toBe(1);
    });
  }

  it('leave time for the drain', () => {
    const deployment = find(manifests, 'Deployment');
    const { GLIMPSE_SHUTDOWN_DELAY: delay, GLIMPSE_SHUTDOWN_TIMEOUT: timeout } = environmentOf(manifests);
    const before = containerOf(deployment).lifecycle.preStop.sleep.seconds as number;
    const drain = before + Number(delay) + Number(timeout);
    expect(drain).toBeGreaterThan(0);
    expect(podOf(deployment).terminationGracePeriodSeconds).toBeGreaterThan(drain);
  });

  it('keep to the restricted profile, on a read-only file system', () => {
    expect(workloads.length).toBeGreaterThanOrEqual(2);
    for (const workload of workloads) {
      const { securityContext, automountServiceAccountToken, containers } = podOf(workload);
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(automountServiceAccountToken).toBe(false);
      for (const container of containers as Manifest[]) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources).toMatchObject({
          requests: { cpu: expect.anything(), memory: expect.anything() },
          limits: { memory: expect.anything() },
        });
      }
    }
    expect(
      find(manifests, 'Namespace', manifests[0]!.metadata.namespace ?? manifests[0]!.metadata.name).metadata,
    ).toMatchObject({ labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } });
  });

  it('mount every file that a setting names, from a Secret that is created', () => {
    const environment = Object.entries(environmentOf(manifests));
    const files = environment.filter(([name, value]) => value.startsWith('/') && name !== DATA_PATH);
    const [, authority] = /sslrootcert=([^&]+)/.exec(environmentOf(manifests)['DATABASE_URL'] ?? '') ?? [];
    if (authority !== undefined) files.push(['sslrootcert', authority]);
    expect(files.length).toBeGreaterThan(0);
    const { containers, volumes } = podOf(find(manifests, 'Deployment'));
    const mounts = containers[0].volumeMounts as { name: string; mountPath: string }[];
    for (const [, file] of files) {
      const mount = mounts.find(({ mountPath }) => file.startsWith(`${mountPath}/`))!;
      const volume = (volumes as Manifest[]).find(({ name }) => (name as unknown) === mount.name)!;
      const secret = volume.secret.secretName as string;
      const made = [
        ...manifests.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => metadata.name),
        // CloudNativePG names it after its cluster.
        ...manifests
          .filter(({ kind }) => kind === 'Cluster')
          .flatMap(({ metadata }) => [`${metadata.name}-app`, `${metadata.name}-ca`]),
        // The operator creates this one, as the overlay documents.
        ...(overlay === 'development' ? [] : ['glimpse-keystone']),
      ];
      expect(made).toContain(secret);
    }
  });

  describe('with the service that they run', () => {
    let service: Service;
    let settings: Record<string, string>;
    let metrics: string;
    let ports: Record<string, number>;

    /** The environment of the container, with its files where this run can read them. */
    async function environment(): Promise<Record<string, string>> {
      const folder = newFolder();
      // A mirror refuses images that are not its source's.
      const database = await (overlay === 'mirror' ? createDatabase('migrated') : createDatabase('contract'));
      const contents: Record<string, string> = {
        '/run/secrets/database/uri': databaseUrl(database),
        '/run/secrets/keystone/password': 'a password',
        '/run/secrets/service-user/password': 'another password',
        '/run/secrets/identities/identities.yaml': readFileSync(
          join(DEPLOY, 'kubernetes/overlays/development/identities.yaml'),
          'utf8',
        ),
      };
      return Object.fromEntries(
        Object.entries(environmentOf(manifests)).map(([name, value]) => {
          if (name === 'DATABASE_URL') return [name, databaseUrl(database)];
          if (name === DATA_PATH) return [name, join(folder, 'images')];
          if (!value.startsWith('/')) return [name, value];
          const file = join(folder, name);
          writeFileSync(file, contents[value]!);
          return [name, file];
        }),
      );
    }

    beforeAll(async () => {
      settings = await environment();
      const declared = containerOf(find(manifests, 'Deployment')).ports as {
        name: string;
        containerPort: number;
      }[];
      ports = Object.fromEntries(declared.map(({ name, containerPort }) => [name, containerPort]));
      const metricsPort = String(await freePort());
      const moved = {
        GLIMPSE_HOST: '127.0.0.1',
        GLIMPSE_PORT: '0',
        GLIMPSE_SHUTDOWN_DELAY: '0',
        ...('GLIMPSE_IMAGE_PORT' in settings && { GLIMPSE_IMAGE_PORT: '0' }),
      };
      const apart = 'GLIMPSE_METRICS_PORT' in settings;
      service = await startBareService({
        ...settings,
        ...moved,
        ...(apart && { GLIMPSE_METRICS_PORT: metricsPort }),
      });
      metrics = apart ? `http://127.0.0.1:${metricsPort}` : service.url;
    });
    afterAll(() => service.stop());

    it('name settings that exist and are valid', async () => {
      const { code, stderr } = await glimpse(['config', '--check'], settings);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    });

    it('name the ports on which it listens', () => {
      const { GLIMPSE_PORT: port, GLIMPSE_IMAGE_PORT: image, GLIMPSE_METRICS_PORT: metricsPort } = settings;
      expect(ports).toEqual({
        http: Number(port),
        ...(image === undefined ? {} : { image: Number(image) }),
        ...(metricsPort === undefined ? {} : { metrics: Number(metricsPort) }),
      });
      const targets = manifests
        .filter(
          ({ kind, spec }) => kind === 'Service' && spec.selector['app.kubernetes.io/component'] === 'api',
        )
        .flatMap(({ spec }) => (spec.ports as { targetPort: string }[]).map(({ targetPort }) => targetPort));
      expect(targets.sort()).toEqual(Object.keys(ports).sort());
    });

    it('probe paths that respond', async () => {
      const container = containerOf(find(manifests, 'Deployment'));
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
        const { path, port } = container[probe].httpGet as { path: string; port: string };
        expect(port).toBe('http');
        await until(async () => (await fetch(service.url + path)).ok);
      }
    });

    it('scrape metrics on their port', async () => {
      for (const { spec } of manifests.filter(({ kind }) => kind === 'ServiceMonitor')) {
        expect(ports).toHaveProperty(spec.endpoints[0].port as string);
        expect((await fetch(service.url + spec.endpoints[0].path)).status).toBe(404);
        const page = await (await fetch(metrics + spec.endpoints[0].path)).text();
        expect(page).toContain(`glimpse_build_info{version="${VERSION}"`);
      }
    });
  });
});

describe('the operators’ guide', () => {
  it('builds the image that every overlay runs', () => {
    const guide = readFileSync(join(DEPLOY, '../docs/operators.md'), 'utf8');
    const [, built] = /docker build .* -t (\S+) \.$/m.exec(guide)!;
    for (const overlay of OVERLAYS) {
      const file = join(DEPLOY, 'kubernetes/overlays', overlay, 'kustomization.yaml');
      const [, name, tag] = /newName: (\S+)\n\s+newTag: (\S+)/.exec(readFileSync(file, 'utf8'))!;
      expect(`${name}:${tag}`).toBe(built);
    }
  });
});

suite(`the manifests for production${why}`, () => {
  const build = (): Manifest[] => buildManifests(join(DEPLOY, 'kubernetes/overlays/production'));

  it('keep three replicas or more, spread over the zones', () => {
    const manifests = build();
    expect(find(manifests, 'HorizontalPodAutoscaler').spec.minReplicas).toBe(3);
    expect(find(manifests, 'Deployment').spec).not.toHaveProperty('replicas');
    const spread = podOf(find(manifests, 'Deployment')).topologySpreadConstraints as Manifest[];
    expect(spread[0]).toMatchObject({
      topologyKey: 'topology.kubernetes.io/zone',
      // Nodes need not have that label.
      whenUnsatisfiable: 'ScheduleAnyway',
    });
    expect(find(manifests, 'Cluster', 'glimpse-database').spec.instances).toBe(3);
    expect(environmentOf(manifests)).toHaveProperty('GLIMPSE_METRICS_PORT');
  });

  it('add replicas by the processor time of each, before one needs a whole core', () => {
    const manifests = build();
    expect(find(manifests, 'HorizontalPodAutoscaler').spec.metrics).toEqual([
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '600m' } },
      },
    ]);
    // A limit would slow a replica before the metric counts.
    expect(containerOf(find(manifests, 'Deployment')).resources.limits).not.toHaveProperty('cpu');
  });

  it('let a migration reach the database alone, and nothing reach it', () => {
    const manifests = build();
    const { podSelector, policyTypes, ingress, egress } = find(
      manifests,
      'NetworkPolicy',
      'glimpse-migration',
    ).spec;
    const job = find(manifests, 'Job', `glimpse-migrate-${VERSION}`).spec.template.metadata as Manifest;
    expect(job.labels).toMatchObject(podSelector.matchLabels as object);
    expect([policyTypes, ingress]).toEqual([['Ingress', 'Egress'], undefined]);
    const database = { podSelector: { matchLabels: { 'cnpg.io/cluster': 'glimpse-database' } } };
    expect(egress).toEqual([{ ports: DNS }, { to: [database], ports: [{ port: 5432 }] }]);
    expect(find(manifests, 'NetworkPolicy').spec.podSelector.matchExpressions).toEqual([
      { key: 'app.kubernetes.io/component', operator: 'NotIn', values: ['migration'] },
    ]);
  });

  it('verify the database by the authority of its operator, in serve and in migrate', () => {
    const manifests = build();
    for (const manifest of [
      find(manifests, 'Deployment'),
      find(manifests, 'Job', `glimpse-migrate-${VERSION}`),
    ]) {
      const url = new URL(ownEnvironmentOf(manifest)['DATABASE_URL']!);
      expect(url.hostname).toBe(`${find(manifests, 'Cluster', 'glimpse-database').metadata.name}-rw`);
      expect(url.searchParams.get('sslmode')).toBe('verify-full');
      const [mount] = containerOf(manifest).volumeMounts as { name: string; mountPath: string }[];
      expect(url.searchParams.get('sslrootcert')).toBe(`${mount!.mountPath}/ca.crt`);
    }
    expect(environmentOf(manifests)).not.toHaveProperty('DATABASE_URL_FILE');
  });

  it('migrate with nothing that other settings of the same release would change', async () => {
    const job = find(build(), 'Job', `glimpse-migrate-${VERSION}`);
    expect(containerOf(job)).not.toHaveProperty('envFrom');
    const settings = { ...ownEnvironmentOf(job), DATABASE_URL: databaseUrl(await createDatabase('empty')) };
    const { code, stdout } = await glimpse(['migrate'], settings);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('applied ') });
  });

  it('select in alerts what their ServiceMonitor scrapes in their namespace, and link to the runbook', () => {
    const manifests = build();
    const { spec, metadata } = find(manifests, 'PrometheusRule');
    const { jobLabel, selector } = find(manifests, 'ServiceMonitor').spec;
    const job = (selector.matchLabels as Record<string, string>)[jobLabel as string];
    for (const { expr, annotations } of spec.groups[0].rules as Manifest[]) {
      expect(expr).toContain(`{job="${job}", namespace="${metadata.namespace}"`);
      expect(annotations.runbook_url).toMatch(/^https:/);
    }
  });

  it('leave PostgreSQL connections for every replica there can be', () => {
    const manifests = build();
    const most = (find(manifests, 'HorizontalPodAutoscaler').spec.maxReplicas as number) + 1;
    const ours = most * (Number(environmentOf(manifests)['GLIMPSE_DATABASE_POOL'] ?? 10) + 1);
    const { parameters } = find(manifests, 'Cluster', 'glimpse-database').spec.postgresql as Manifest;
    expect(Number(parameters.max_connections)).toBeGreaterThan(ours + 20);
  });

  it('carry an operator’s own overlay, whose tag names the Job', () => {
    const folder = newFolder();
    cpSync(join(DEPLOY, 'kubernetes'), folder, { recursive: true });
    const own = join(folder, 'overlays/own');
    mkdirSync(own);
    const production = readFileSync(join(folder, 'overlays/production/kustomization.yaml'), 'utf8');
    const replacement = /^replacements:\n(?:[ ].*\n)+/m.exec(production)![0];
    const images =
      'images: [{name: registry.example.com/openstack/glimpse, newName: own/glimpse, newTag: 7.8.9}]';
    const runbook =
      'configMapGenerator: [{name: glimpse-runbook, namespace: glimpse, behavior: merge, ' +
      'literals: [RUNBOOK_URL=https://docs.your-cloud.org/runbook]}]\ncomponents: [../../components/runbook]\n';
    writeFileSync(
      join(own, 'kustomization.yaml'),
      `resources: [../production]\n${images}\n${runbook}${replacement}`,
    );
    const manifests = buildManifests(own);
    const [rule] = find(manifests, 'PrometheusRule').spec.groups[0].rules as Manifest[];
    expect(rule!.annotations.runbook_url).toBe('https://docs.your-cloud.org/runbook#glimpseabsent');
    expect(containerOf(find(manifests, 'Job', 'glimpse-migrate-7.8.9')).image).toBe('own/glimpse:7.8.9');
    expect(containerOf(find(manifests, 'Deployment')).image).toBe('own/glimpse:7.8.9');
  });
});

suite(`an overlay of an operator’s own with another Glance and an image by digest${why}`, () => {
  const DIGEST = `sha256:${'a'.repeat(64)}`;
  let manifests: Manifest[];

  beforeAll(() => {
    const folder = newFolder();
    cpSync(join(DEPLOY, 'kubernetes'), folder, { recursive: true });
    const own = join(folder, 'overlays/own');
    mkdirSync(own);
    writeFileSync(
      join(own, 'kustomization.yaml'),
      `resources: [../mirror]
images: [{name: registry.example.com/openstack/glimpse, newName: own/glimpse, digest: '${DIGEST}'}]
configMapGenerator:
  - name: glimpse
    namespace: glimpse
    behavior: merge
    literals: [GLIMPSE_GLANCE_URL=http://glance.your-cloud.org:9292]
`,
    );
    manifests = buildManifests(own);
  });

  it('is valid, and runs that image under the name of its release', () => {
    for (const manifest of manifests) {
      expect({ [manifest.kind]: problemsOf(manifest) }).toEqual({ [manifest.kind]: [] });
    }
    const workloads = [
      find(manifests, 'Deployment'),
      find(manifests, 'Deployment', 'glimpse-follow'),
      find(manifests, 'Job', `glimpse-migrate-${VERSION}`),
    ];
    for (const workload of workloads) expect(containerOf(workload).image).toBe(`own/glimpse@${DIGEST}`);
  });

  it('opens the port of the Image API, from its setting to the clients', async () => {
    const port = Number(environmentOf(manifests)['GLIMPSE_IMAGE_PORT']);
    const named = (ports: unknown): unknown =>
      (ports as { name: string }[]).filter(({ name }) => name === 'image');
    expect(named(find(manifests, 'Service').spec.ports)).toEqual([
      { name: 'image', port, targetPort: 'image' },
    ]);
    expect(named(containerOf(find(manifests, 'Deployment')).ports)).toEqual([
      { name: 'image', containerPort: port },
    ]);
    const [clients] = find(manifests, 'NetworkPolicy').spec.ingress as Manifest[];
    expect(clients).toEqual({ ports: [{ port: 'http' }, { port: 'image' }] });
    const { code, stderr } = await glimpse(['config', '--check'], settingsOfPod(environmentOf(manifests)));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

suite(`the manifests of a mirror${why}`, () => {
  let manifests: Manifest[];
  beforeAll(() => {
    manifests = buildManifests(join(DEPLOY, 'kubernetes/overlays/mirror'));
  });
  const follower = (): Manifest => find(manifests, 'Deployment', 'glimpse-follow');

  it('have one active follower of two of the same release, whatever is rolled or drained', () => {
    const { spec } = follower();
    expect(spec.replicas).toBe(2);
    expect(spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    const budget = find(manifests, 'PodDisruptionBudget', 'glimpse-follow').spec;
    expect(budget).toEqual({ maxUnavailable: 1, selector: spec.selector });
    const { image, args } = containerOf(follower());
    expect({ image, args }).toEqual({
      image: containerOf(find(manifests, 'Deployment')).image as string,
      args: ['follow'],
    });
  });

  it('give the follower the settings, the files and the account of serve', () => {
    const [serving, following] = [podOf(find(manifests, 'Deployment')), podOf(follower())];
    for (const field of ['serviceAccountName', 'volumes', 'securityContext', 'enableServiceLinks']) {
      expect(following[field]).toEqual(serving[field]);
    }
    const { env, envFrom, volumeMounts } = containerOf(follower());
    expect({ env, envFrom, volumeMounts }).toEqual({
      env: containerOf(find(manifests, 'Deployment')).env as Manifest,
      envFrom: containerOf(find(manifests, 'Deployment')).envFrom as Manifest,
      volumeMounts: containerOf(find(manifests, 'Deployment')).volumeMounts as Manifest,
    });
    expect(environmentOf(manifests)).toMatchObject({
      GLIMPSE_SOURCE: 'glance',
      OS_USERNAME: 'glimpse',
      GLIMPSE_KEYSTONE_SERVICE_USER_USERNAME: 'glimpse-service',
    });
  });

  it('send no requests to the follower', () => {
    const { labels } = follower().spec.template.metadata as Manifest;
    const reaching = manifests
      .filter(({ kind, spec }) => {
        if (kind !== 'Service') return false;
        return Object.entries(spec.selector as object).every(([key, value]) => labels[key] === value);
      })
      .map(({ metadata }) => metadata.name);
    expect(reaching).toEqual(['glimpse-follow-metrics']);
  });

  it('let both reach Glance and Keystone', () => {
    const { podSelector, egress } = find(manifests, 'NetworkPolicy').spec;
    expect(podSelector).toEqual({
      matchLabels: { 'app.kubernetes.io/name': 'glimpse' },
      matchExpressions: [{ key: 'app.kubernetes.io/component', operator: 'NotIn', values: ['migration'] }],
    });
    expect(follower().spec.template.metadata.labels).toMatchObject(podSelector.matchLabels as object);
    const ports = (egress as Manifest[]).flatMap(({ to, ports: each }) => (to ? [] : (each as object[])));
    expect(ports).toEqual([...DNS, { port: 443 }, { port: 5000 }, { port: 4318 }, { port: 9292 }]);
  });

  it('leave PostgreSQL connections for them, too', () => {
    // Each follower opens six.
    const following = 6 * ((follower().spec.replicas as number) + 1);
    const most = (find(manifests, 'HorizontalPodAutoscaler').spec.maxReplicas as number) + 1;
    const serving = most * (Number(environmentOf(manifests)['GLIMPSE_DATABASE_POOL'] ?? 10) + 1);
    const { parameters } = find(manifests, 'Cluster', 'glimpse-database').spec.postgresql as Manifest;
    expect(Number(parameters.max_connections)).toBeGreaterThan(serving + following + 20);
  });

  it('probe and scrape the follower on the port of its metrics, even while everything behind it is unavailable', async () => {
    const { GLIMPSE_METRICS_PORT: metricsPort } = environmentOf(manifests);
    const { ports, readinessProbe } = containerOf(follower());
    expect(ports).toEqual([{ name: 'metrics', containerPort: Number(metricsPort) }]);
    expect(readinessProbe.tcpSocket).toEqual({ port: 'metrics' });
    const service = find(manifests, 'Service', 'glimpse-follow-metrics') as Manifest;
    expect(service.metadata).toMatchObject({
      labels: find(manifests, 'ServiceMonitor').spec.selector.matchLabels as object,
    });
    expect(service.spec.ports).toEqual([
      { name: find(manifests, 'ServiceMonitor').spec.endpoints[0].port, port: 9464, targetPort: 'metrics' },
    ]);
    const following = await startFollower(settingsOfPod(environmentOf(manifests)));
    const page = await (await fetch(`${following.metrics}/metrics`)).text();
    expect(page).toContain(`glimpse_build_info{version="${VERSION}"`);
    await until(() => following.log().includes('"event":"database-unavailable"'));
    expect(await following.stop()).toBe(0);
    expect(following.log().match(/"event":"database-unavailable"/g)).toHaveLength(1);
  });
});

suite(`the manifests of a catalogue that stores image data${why}`, () => {
  let manifests: Manifest[];
  beforeAll(() => {
    manifests = buildManifests(join(DEPLOY, 'kubernetes/overlays/file'));
  });

  it('have one replica, which ends before the next one starts, and which a drained node evicts', () => {
    const { replicas, strategy } = find(manifests, 'Deployment').spec;
    expect({ replicas, strategy }).toEqual({ replicas: 1, strategy: { type: 'Recreate' } });
    const kinds = manifests.map(({ kind }) => kind);
    expect(kinds).not.toContain('HorizontalPodAutoscaler');
    expect(kinds).not.toContain('PodDisruptionBudget');
  });

  it('mount a volume where the data goes, writable by the pod, in a folder of its own', () => {
    const { [DATA_PATH]: path, GLIMPSE_DATA_USE: use } = environmentOf(manifests);
    expect(use).toBe('file');
    const { containers, volumes, securityContext } = podOf(find(manifests, 'Deployment'));
    const mounts = containers[0].volumeMounts as { name: string; mountPath: string; readOnly?: boolean }[];
    const mount = mounts.find(({ mountPath }) => path!.startsWith(`${mountPath}/`))!;
    expect(mount).not.toHaveProperty('readOnly');
    const volume = (volumes as Manifest[]).find(({ name }) => (name as unknown) === mount.name)!;
    const { claimName } = volume.persistentVolumeClaim as { claimName: string };
    const claim = find(manifests, 'PersistentVolumeClaim', claimName);
    expect(claim.spec.accessModes).toEqual(['ReadWriteOnce']);
    expect(securityContext.fsGroup).toBe(securityContext.runAsUser);
  });
});

suite(`an overlay of an operator’s own with image data in a bucket${why}`, () => {
  let manifests: Manifest[];
  beforeAll(() => {
    const folder = newFolder();
    cpSync(join(DEPLOY, 'kubernetes'), folder, { recursive: true });
    const own = join(folder, 'overlays/own');
    mkdirSync(own);
    writeFileSync(
      join(own, 'kustomization.yaml'),
      'resources: [../production]\ncomponents: [../../components/image-api, ../../components/s3]\n',
    );
    manifests = buildManifests(own);
  });

  it('is valid, keeps its replicas, and leaves transfers the time of its drain', () => {
    for (const manifest of manifests) {
      expect({ [manifest.kind]: problemsOf(manifest) }).toEqual({ [manifest.kind]: [] });
    }
    find(manifests, 'HorizontalPodAutoscaler');
    const { terminationGracePeriodSeconds: grace } = podOf(find(manifests, 'Deployment'));
    expect(grace).toBeGreaterThan(Number(environmentOf(manifests)['GLIMPSE_SHUTDOWN_TIMEOUT']));
  });

  it('mounts the Secret with the keys where its settings name them, and may reach the service', async () => {
    const environment = environmentOf(manifests);
    const { containers, volumes } = podOf(find(manifests, 'Deployment'));
    const volume = (volumes as Manifest[]).find(({ name }) => (name as unknown) === 's3')!;
    const mount = (containers[0].volumeMounts as Manifest[]).find(({ name }) => (name as unknown) === 's3')!;
    const mounted = (volume.secret.items as { path: string }[]).map(
      ({ path }) => `${mount.mountPath}/${path}`,
    );
    for (const name of ['ACCESS', 'SECRET']) {
      expect(mounted).toContain(environment[`GLIMPSE_DATA_OPTIONS_${name}_KEY_FILE`]);
    }
    const egress = find(manifests, 'NetworkPolicy').spec.egress as object[];
    expect(egress).toContainEqual({ ports: [{ port: 443 }] });

    const { code, stderr } = await glimpse(['config', '--check'], settingsOfPod(environment));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
