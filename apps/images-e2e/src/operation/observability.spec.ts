import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeKeystone } from '@glimpse/auth/testing';
import { parse } from 'yaml';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { startFollower, type FollowerProcess } from '../harness/follower.js';
import { DEPLOY } from '../harness/manifests.js';
import { RawConnection, bytesOf, sendRaw } from '../harness/raw-http.js';
import { Prometheus, hasPrometheus } from '../harness/prometheus.js';
import { IDENTITIES, newFolder, startService, tokenOf, type Service } from '../harness/service.js';

const MONITORING = join(DEPLOY, 'kubernetes/components/monitoring');
const ITEM = '/v2.1/images/22222222-0000-4000-8000-000000000001';

const SOURCE = fileURLToPath(new URL('../harness/image-source.mjs', import.meta.url));
const UNKNOWN = '/v2.1/images/33333333-0000-4000-8000-000000000001';

/** The labels that Prometheus adds when it scrapes. */
const OF_PROMETHEUS = ['job', 'namespace', 'pod'];

interface Query {
  readonly where: string;
  readonly expression: string;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly runbook_url: string };
}

const rules = (
  parse(readFileSync(join(MONITORING, 'alerts.yaml'), 'utf8')) as { spec: { groups: { rules: Rule[] }[] } }
).spec.groups.flatMap((group) => group.rules);

const panels = (
  JSON.parse(readFileSync(join(MONITORING, 'dashboard.json'), 'utf8')) as {
    panels: { title: string; targets?: { expr: string; legendFormat: string }[] }[];
  }
).panels;

const queries: Query[] = [
  ...rules.map(({ alert, expr }) => ({ where: alert, expression: expr })),
  ...panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: title, expression: expr })),
  ),
];

/** The names of the metrics in a query, and of its labels. */
function namesIn(expression: string): { metrics: string[]; labels: string[] } {
  const labels = [
    ...[...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/, */)),
    ...[...expression.matchAll(/[{,] *(\w+) *(?:=|!=)/g)].map(([, name]) => name!),
  ];
  const bare = expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|\b(?:by|on) ?\([^)]*\)/g, ' ');
  const metrics = [...bare.matchAll(/\b[a-z][a-z0-9_]*\b(?! *\()/g)].map(([name]) => name);
  return { metrics: metrics.filter((name) => name !== 'and' && name !== 'or'), labels };
}

describe('what is read of the metrics', () => {
  let keystone: FakeKeystone;
  let service: Service;
  /** A service with a source, and its follower. */
  let mirror: Service;
  let follower: FollowerProcess;
  let page: string;
  /** The names of this service's own metrics. */
  let exposed: Set<string>;
  /** The names of all series. */
  let metrics: Set<string>;
  let labels: Set<string>;

  const issue = (role = 'reader'): string =>
    keystone.issue({
      userName: 'demo',
      scope: { kind: 'project', id: IDENTITIES['demo']!.project_id, name: 'demo' },
      roles: [role],
    });
  const pageOf = async (base: string): Promise<string> => (await fetch(`${base}/metrics`)).text();

  /** Runs both, in a database that is not migrated before, and has the mirror fetch one image and change another. */
  async function follow(settings: Record<string, string>): Promise<void> {
    const database = await createDatabase('empty');
    const mirrored = { DATABASE_URL: databaseUrl(database), ...settings, GLIMPSE_SOURCE: SOURCE };
    follower = await startFollower(mirrored);
    await until(() => follower.log().includes('"event":"schema-behind"'));
    await glimpse(['migrate'], mirrored);
    mirror = await startService(database, mirrored);
    await until(async () =>
      /^glimpse_followed_images_total\{kind="added"\} 1$/m.test(await pageOf(follower.metrics)),
    );
    const token = issue('admin');
    await sendRaw(mirror.url, { target: UNKNOWN, headers: { 'x-auth-token': token } });
    const headers = { 'x-auth-token': token, 'content-type': 'application/json' };
    const body = JSON.stringify({ metadata: { one: 'two' } });
    const changed = await fetch(`${mirror.url}${ITEM}/metadata`, { method: 'POST', headers, body });
    expect(changed.status).toBe(200);
  }

  /** Uploads an image, downloads it, and breaks off the upload of another one. */
  async function transfer(token: string): Promise<void> {
    const headers = { 'x-auth-token': token, 'content-type': 'application/octet-stream' };
    const path = async (): Promise<string> => {
      const image = { name: 'one', disk_format: 'raw', container_format: 'bare' };
      const created = await fetch(`${service.imageUrl}/v2/images`, {
        ...{ method: 'POST', headers: { ...headers, 'content-type': 'application/json' } },
        body: JSON.stringify(image),
      });
      return `/v2/images/${((await created.json()) as { id: string }).id}/file`;
    };
    const [whole, broken] = [await path(), await path()];
    const url = service.imageUrl + whole;
    expect((await fetch(url, { method: 'PUT', headers, body: 'image data' })).status).toBe(204);
    expect(await (await fetch(url, { headers })).text()).toBe('image data');
    const connection = await RawConnection.open(service.imageUrl);
    const head = { method: 'PUT', target: broken, headers: { ...headers, 'content-length': '1000000' } };
    connection.write(bytesOf(head));
    connection.write(Buffer.alloc(300_000, 1));
    const transfers = async (): Promise<string> =>
      /^glimpse_data_transfers\{direction="upload"\} (\d)$/m.exec(await pageOf(service.url))![1]!;
    await until(async () => (await transfers()) === '1');
    connection.close();
    await until(async () => (await transfers()) === '0');
  }

  beforeAll(async () => {
    keystone = await FakeKeystone.start();
    keystone.addUser({ name: 'glimpse', password: 'a password', roles: ['service'] });
    const settings = {
      GLIMPSE_IDENTITIES: '',
      OS_AUTH_URL: keystone.url,
      OS_USERNAME: 'glimpse',
      OS_PASSWORD: 'a password',
      OS_PROJECT_NAME: 'service',
    };
    const store = newFolder();
    const data = { GLIMPSE_IMAGE_PORT: '0', GLIMPSE_DATA_OPTIONS_PATH: store };
    const database = await createDatabase('contract');
    service = await startService(database, { ...settings, ...data });
    const token = issue();
    for (const headers of [{ 'x-auth-token': token }, { 'x-auth-token': token }, {}]) {
      await sendRaw(service.url, { target: ITEM, headers });
    }
    await transfer(issue('member'));
    writeFileSync(join(store, randomUUID()), 'an orphan');
    expect((await glimpse(['data', 'check'], { DATABASE_URL: databaseUrl(database), ...data })).code).toBe(1);
    await until(async () => (await pageOf(service.url)).includes('\nglimpse_data_check_findings{'), 30_000);
    page = await pageOf(service.url);
    await follow(settings);
    const pages = [page, await pageOf(mirror.url), await pageOf(follower.metrics)].join('\n');
    exposed = new Set([...pages.matchAll(/^# TYPE (glimpse_\w+)/gm)].map(([, name]) => name!));
    const series = pages.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    metrics = new Set(series.map((line) => /^\w+/.exec(line)![0]));
    labels = new Set(series.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map(([, name]) => name!)));
  });
  afterAll(async () => {
    await Promise.all([service.stop(), mirror.stop(), follower.stop()]);
    await keystone.close();
  });

  it('is shown for each pod where it is about a process, and can be narrowed to a pod everywhere', () => {
    const ofProcess =
      /\b(?:nodejs|process|glimpse_(?:cache|database_pool|dependency_available|follower_active|notification_lag))_?/;
    for (const { title, targets = [] } of panels) {
      for (const { expr, legendFormat } of targets) {
        const aggregations = [...expr.matchAll(/\bby \(([^)]*)\)/g)].map(([, list]) => list!.split(', '));
        const byPod = aggregations.length > 0 && aggregations.every((names) => names.includes('pod'));
        const named = { byPod, legend: legendFormat.includes('{{pod}}') };
        const about = ofProcess.test(expr);
        expect({ title, ...named }).toEqual({ title, byPod: about, legend: about });
        for (const [selector] of expr.matchAll(/\{[^}]*\}/g)) {
          expect({ title, selector }).toEqual({ title, selector: expect.stringContaining('pod=~"$pod"') });
        }
      }
    }
  });

  it('is read of this service alone, wherever Prometheus scrapes others', () => {
    for (const { where, expression } of queries) {
      const selectors = [...expression.matchAll(/\b(?:glimpse|nodejs|process)_\w+(\{[^}]*\})?/g)].map(
        ([, one]) => one,
      );
      for (const selector of selectors) {
        expect({ where, selector }).toEqual({
          where,
          selector: expect.stringMatching(/job="glimpse", namespace=(?:"glimpse"|~"\$namespace")/),
        });
      }
    }
  });

  it('is in a dashboard and in alerts', () => {
    expect(rules.length).toBeGreaterThan(8);
    expect(queries.length).toBeGreaterThan(rules.length + 15);
    expect(namesIn('sum by (a, b) (rate(c_total{d="e", f=~"g"}[5m])) / on() h > 0.5 and i == 1')).toEqual({
      metrics: ['c_total', 'h', 'i'],
      labels: ['a', 'b', 'd', 'f'],
    });
  });

  it.each(queries)('is there for $where: $expression', ({ expression }) => {
    const names = namesIn(expression);
    expect(names.metrics).not.toEqual([]);
    expect(names.metrics.filter((name) => !metrics.has(name))).toEqual([]);
    expect(names.labels.filter((name) => !labels.has(name) && !OF_PROMETHEUS.includes(name))).toEqual([]);
  });

  it('is documented, each metric, and no other', () => {
    const guide = readFileSync(join(DEPLOY, '../docs/telemetry.md'), 'utf8');
    const table = guide.slice(guide.indexOf('## Metrics'), guide.indexOf('## Traces'));
    const documented = [...table.matchAll(/`(glimpse_\w+)`/g)].map(([, name]) => name!);
    // The source here is a module, to which no request is passed on.
    const ofGlance = ['glimpse_passed_requests', 'glimpse_passed_requests_total'];
    expect(documented.sort()).toEqual([...exposed, ...ofGlance].sort());
  });

  it('repeats renamed metrics under their former names', () => {
    const seriesOf = (name: string): string[] =>
      page.split('\n').filter((line) => line.startsWith(name) || line.startsWith(`# TYPE ${name} `));
    for (const [name, formerName] of [
      ['glimpse_token_validations_total', 'glimpse_tokens_judged_total'],
      ['glimpse_notifications_received', 'glimpse_notices_heard'],
      ['glimpse_notification_lag_seconds', 'glimpse_notice_lag_seconds'],
    ] as const) {
      const former = seriesOf(formerName);
      expect(former.length).toBeGreaterThan(1);
      expect(former.map((line) => line.replace(formerName, name))).toEqual(seriesOf(name));
    }
  });

  it('counts tokens, and how the connections to the database are used', () => {
    expect(page).toMatch(/^glimpse_token_validations_total\{outcome="identity",source="cache"\} [1-9]/m);
    expect(page).toMatch(/^glimpse_token_validations_total\{outcome="identity",source="keystone"\} 2$/m);
    expect(page).toMatch(/^glimpse_database_query_duration_seconds_count [1-9]/m);
    expect(page).toMatch(/^glimpse_database_pool_size 10$/m);
    expect(page).toMatch(/^glimpse_database_pool_waiting 0$/m);
  });

  it('counts uploads and downloads, and logs each', () => {
    const ended = (direction: string, outcome: string): RegExp =>
      new RegExp(`^glimpse_data_transfers_total\\{direction="${direction}",outcome="${outcome}"\\} 1$`, 'm');
    expect(page).toMatch(ended('upload', 'complete'));
    expect(page).toMatch(ended('upload', 'aborted'));
    expect(page).toMatch(ended('download', 'complete'));
    expect(page).toMatch(/^glimpse_data_transferred_bytes_total\{direction="download"\} 10$/m);
    expect(page).toMatch(/^glimpse_data_transfer_duration_seconds_count\{direction="upload"\} 1$/m);
    for (const operation of ['write', 'read']) {
      const labels = `store="file",operation="${operation}",outcome="done"`;
      expect(page).toContain(`\nglimpse_data_store_operation_duration_seconds_count{${labels}} 1\n`);
    }
    expect(page).toMatch(
      /^glimpse_data_store_operation_duration_seconds_count\{.*"write",outcome="aborted"\} 1$/m,
    );
    const lines = service
      .log()
      .split('\n')
      .filter((line) => line.includes('"event":"data-transferred"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const image = expect.stringMatching(/^[0-9a-f-]{36}$/);
    const seconds = expect.any(Number);
    expect(lines).toMatchObject([
      { level: 'info', direction: 'upload', image, bytes: 10, seconds, outcome: 'complete' },
      { level: 'info', direction: 'download', image, bytes: 10, seconds, outcome: 'complete' },
      { level: 'info', direction: 'upload', image, bytes: expect.any(Number), seconds, outcome: 'aborted' },
    ]);
    expect(lines[2]!['bytes']).toBeGreaterThan(0);
  });

  it('has what the last check of the stores has found', () => {
    expect(page).toMatch(/^glimpse_data_check_findings\{kind="orphan"\} 1$/m);
    expect(page).toMatch(/^glimpse_data_check_findings\{kind="missing"\} 0$/m);
    expect(page).toMatch(/^glimpse_data_check_age_seconds \d/m);
  });

  it('reports the status of a mirror, and the active follower', async () => {
    const standing = await pageOf(follower.metrics);
    expect(standing).toMatch(/^glimpse_follower_active 1$/m);
    expect(standing).toMatch(/^glimpse_mirrored_images 1$/m);
    expect(standing).toMatch(/^glimpse_followed_images_total\{kind="added"\} 1$/m);
    expect(standing).toMatch(/^glimpse_source_removals_refused 0$/m);
    for (const kind of ['changed', 'removed', 'members']) {
      expect(standing).toContain(`\nglimpse_followed_images_total{kind="${kind}"} 0\n`);
    }
    const served = await pageOf(mirror.url);
    expect(served).toMatch(/^glimpse_source_sync_age_seconds \d/m);
    expect(served).toMatch(/^glimpse_source_fetches_total\{outcome="missing"\} 1$/m);
    expect(served).toMatch(/^glimpse_source_changes_total\{outcome="done"\} 1$/m);
    expect(served).toMatch(/^glimpse_source_fetches_total\{outcome="failed"\} 0$/m);
    expect(served).toMatch(/^glimpse_source_changes_total\{outcome="refused"\} 0$/m);
    // A mirror stores no image data.
    expect(served).not.toMatch(/glimpse_data_/);
    // A service without a source has no metrics of one.
    expect(page).not.toMatch(/glimpse_source_|glimpse_follow/);
  });

  it('measures the lag of change notifications once a second', async () => {
    await until(async () => {
      const now = await (await fetch(`${service.url}/metrics`)).text();
      return /^glimpse_notification_lag_seconds_count [1-9]/m.test(now);
    });
  });

  it('reports an unavailable dependency, and its recovery', async () => {
    const available = async (): Promise<string | undefined> => {
      const now = await (await fetch(`${service.url}/metrics`)).text();
      return /^glimpse_dependency_available\{dependency="keystone"\} (\d)$/m.exec(now)?.[1];
    };
    expect(await available()).toBe('1');
    await keystone.close();
    const authenticate = (): Promise<unknown> =>
      sendRaw(service.url, { target: ITEM, headers: { 'x-auth-token': issue() } });
    await until(async () => (await authenticate(), (await available()) === '0'));
    await keystone.reopen();
    await until(async () => (await authenticate(), (await available()) === '1'));
  });

  it('has an entry of the runbook for each alert, and no other', () => {
    const runbook = readFileSync(join(DEPLOY, '../docs/runbook.md'), 'utf8');
    const entries = [...runbook.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    expect(entries).toEqual(rules.map(({ alert }) => alert));
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook_url).toMatch(
        new RegExp(`^https://[^#]+/runbook\\.md#${alert.toLowerCase()}$`),
      );
    }
  });

  const withPrometheus = hasPrometheus ? it : it.skip;
  withPrometheus(
    `returns a series for each query of the dashboard${hasPrometheus ? '' : ' (skipped: prometheus is not installed)'}`,
    async () => {
      const prometheus = await Prometheus.scraping([service.url, mirror.url, follower.metrics]);
      try {
        const empty = [];
        for (const { title, targets = [] } of panels) {
          for (const { expr } of targets) {
            const variables = { $namespace: '.*', $pod: '.*', $__rate_interval: '1m' };
            const expression = Object.entries(variables).reduce(
              (text, [name, value]) => text.replaceAll(name, value),
              expr,
            );
            if ((await prometheus.query(expression)).length === 0) empty.push(`${title}: ${expr}`);
          }
        }
        expect(empty).toEqual([]);
      } finally {
        await prometheus.stop();
      }
    },
    90_000,
  );
});

describe('the log line of a request', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService(await createDatabase('contract'), { GLIMPSE_LOG_REQUESTS: 'true' });
  });
  afterAll(() => service.stop());

  async function lineOf(headers: Record<string, string>): Promise<Record<string, unknown>> {
    const response = await sendRaw(service.url, { target: ITEM, headers });
    const id = response.headers['x-openstack-request-id']!;
    await until(() => service.log().includes(id));
    const line = service
      .log()
      .split('\n')
      .find((one) => one.includes(id))!;
    return JSON.parse(line) as Record<string, unknown>;
  }

  it('has the caller, the request, the status and the duration, and no token', async () => {
    const line = await lineOf({ 'x-auth-token': tokenOf('demo') });
    expect(line).toEqual({
      level: 'info',
      time: expect.any(String),
      event: 'request-served',
      msg: 'request',
      api: 'compute',
      requestId: expect.stringMatching(/^req-/),
      userId: IDENTITIES['demo']!.user_id,
      projectId: IDENTITIES['demo']!.project_id,
      method: 'GET',
      path: ITEM,
      route: '/v2.1/images/:image_id',
      status: 200,
      duration: expect.any(Number),
    });
    expect(service.log()).not.toContain(tokenOf('demo'));
  });

  it('has no caller where the token is invalid', async () => {
    const line = await lineOf({ 'x-auth-token': 'made up' });
    expect(line).toMatchObject({ status: 401 });
    expect(line).not.toHaveProperty('userId');
    expect(line).not.toHaveProperty('projectId');
  });

  it.each([
    ['req-3dccb8c4-08fe-4706-a91d-e843b8fe9ed2', true],
    ['req-3dccb8c4', false],
    ['req-3DCCB8C4-08FE-4706-A91D-E843B8FE9ED2', false],
    ['req-3dccb8c4-08fe-4706-a91d-e843b8fe9ed2"}', false],
  ])('uses %j as the global request id: %j', async (id, taken) => {
    const line = await lineOf({ 'x-auth-token': tokenOf('demo'), 'x-openstack-request-id': id });
    expect(line['globalRequestId']).toBe(taken ? id : undefined);
    expect(line['requestId']).not.toBe(id);
  });
});
