import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { DEPLOY } from '../harness/manifests.js';
import { newFolder } from '../harness/service.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Groups {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

const MONITORING = join(DEPLOY, 'kubernetes/components/monitoring');
const { groups } = (parse(readFileSync(join(MONITORING, 'alerts.yaml'), 'utf8')) as { spec: Groups }).spec;
const rules = groups.flatMap((group) => group.rules);

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const suite = hasPromtool ? describe : describe.skip;
const why = hasPromtool ? '' : ' (skipped: promtool of Debian’s package prometheus is not installed)';
if (!hasPromtool) process.stderr.write(`the alerts${why}\n`);

/** Series of one pod that make an alert fire, a sample a minute: a metric with its own labels, and its values. */
const FIRING: Readonly<Record<string, readonly (readonly [series: string, values: string])[]>> = {
  GlimpseAbsent: [],
  GlimpseErrors: [
    ['glimpse_http_request_duration_seconds_count{status="503"}', '0+10x120'],
    ['glimpse_http_request_duration_seconds_count{status="200"}', '0+100x120'],
  ],
  GlimpseSlow: [
    ['glimpse_http_request_duration_seconds_bucket{method="GET", le="0.5"}', '0+10x120'],
    ['glimpse_http_request_duration_seconds_bucket{method="GET", le="1"}', '0+20x120'],
    ['glimpse_http_request_duration_seconds_bucket{method="GET", le="+Inf"}', '0+20x120'],
  ],
  GlimpseDatabaseUnavailable: [['glimpse_dependency_available{dependency="database"}', '0x120']],
  GlimpseKeystoneUnavailable: [['glimpse_dependency_available{dependency="keystone"}', '0x120']],
  GlimpseAnswersStale: [['glimpse_image_reads_total{outcome="stale"}', '0+10x120']],
  GlimpseNotificationsLost: [['glimpse_notifications_received', '0x120']],
  GlimpseNotificationsLate: [
    ['glimpse_notification_lag_seconds_bucket{le="0.25"}', '0+1x120'],
    ['glimpse_notification_lag_seconds_bucket{le="0.5"}', '0+60x120'],
    ['glimpse_notification_lag_seconds_bucket{le="+Inf"}', '0+60x120'],
  ],
  GlimpseNotificationQueueFilling: [['glimpse_notification_queue_usage_ratio', '0.5x120']],
  GlimpsePoolExhausted: [
    ['glimpse_database_pool_waiting', '5x120'],
    ['glimpse_dependency_available{dependency="database"}', '1x120'],
  ],
  GlimpseQueriesSlow: [
    ['glimpse_database_query_duration_seconds_bucket{le="0.25"}', '0+1x120'],
    ['glimpse_database_query_duration_seconds_bucket{le="0.5"}', '0+60x120'],
    ['glimpse_database_query_duration_seconds_bucket{le="+Inf"}', '0+60x120'],
  ],
  GlimpseProcessBusy: [['nodejs_eventloop_lag_p99_seconds', '0.5x120']],
  GlimpseRestarting: [['process_start_time_seconds', '0+60x120']],
  GlimpseReleasesMixed: [
    ['glimpse_build_info{version="0.1.0"}', '1x120'],
    ['glimpse_build_info{version="0.2.0"}', '1x120'],
  ],
  GlimpseStoreUnavailable: [['glimpse_dependency_available{dependency="store"}', '0x120']],
  GlimpseStoreFilling: [
    ['glimpse_data_store_free_bytes{store="filling"}', '1000000-1000x120'],
    ['glimpse_data_store_free_bytes{store="full"}', '0x120'],
  ],
  GlimpseStoreFull: [
    ['glimpse_data_store_free_bytes{store="full"}', '0x120'],
    ['glimpse_data_store_free_bytes{store="other"}', '1000000x120'],
  ],
  GlimpseUploadsFailing: [['glimpse_data_transfers_total{direction="upload", outcome="failed"}', '0+1x120']],
  GlimpseDownloadsFailing: [
    ['glimpse_data_transfers_total{direction="download", outcome="failed"}', '0+1x120'],
  ],
  GlimpseDeletionsQueued: [
    ['glimpse_data_deletions_age_seconds', '3000x120'],
    ['glimpse_data_deletions_queued', '3x120'],
  ],
  GlimpseDataLost: [['glimpse_data_check_findings{kind="damaged"}', '1x120']],
  GlimpseDataOrphaned: [['glimpse_data_check_findings{kind="orphan"}', '3x120']],
  GlimpseSourceOld: [['glimpse_source_sync_age_seconds', '100x120']],
  GlimpseNoFollower: [['glimpse_source_sync_age_seconds', '1x120']],
  GlimpseRemovalsRefused: [['glimpse_source_removals_refused', '3x120']],
  GlimpseMembersUnread: [['glimpse_source_members_unread', '3x120']],
  GlimpseMembersOld: [['glimpse_source_members_age_seconds', '1000x120']],
  GlimpseFetchesFailing: [['glimpse_source_fetches_total{outcome="failed"}', '0+10x120']],
  GlimpseSourceChangesFailing: [['glimpse_source_changes_total{outcome="failed"}', '0+10x120']],
};

/** Series of the same metrics that are close to a limit, but well. */
const HEALTHY: typeof FIRING = {
  GlimpseAbsent: [['glimpse_database_pool_size', '10x120']],
  GlimpseErrors: [
    ['glimpse_http_request_duration_seconds_count{status="503"}', '0+1x120'],
    ['glimpse_http_request_duration_seconds_count{status="200"}', '0+200x120'],
  ],
  GlimpseSlow: [
    ['glimpse_http_request_duration_seconds_bucket{method="GET", le="0.5"}', '0+200x120'],
    ['glimpse_http_request_duration_seconds_bucket{method="GET", le="1"}', '0+201x120'],
    ['glimpse_http_request_duration_seconds_bucket{method="GET", le="+Inf"}', '0+201x120'],
  ],
  GlimpseDatabaseUnavailable: [
    ['glimpse_dependency_available{dependency="database"}', '1x120'],
    ['glimpse_dependency_available{dependency="keystone"}', '0x120'],
  ],
  GlimpseKeystoneUnavailable: [
    ['glimpse_dependency_available{dependency="keystone"}', '1x120'],
    ['glimpse_dependency_available{dependency="database"}', '0x120'],
  ],
  GlimpseAnswersStale: [
    ['glimpse_image_reads_total{outcome="stale"}', '7x120'],
    ['glimpse_image_reads_total{outcome="hit"}', '0+10x120'],
  ],
  GlimpseNotificationsLost: [['glimpse_notifications_received', '1x120']],
  GlimpseNotificationsLate: [
    ['glimpse_notification_lag_seconds_bucket{le="0.25"}', '0+60x120'],
    ['glimpse_notification_lag_seconds_bucket{le="0.5"}', '0+60x120'],
    ['glimpse_notification_lag_seconds_bucket{le="+Inf"}', '0+60x120'],
  ],
  GlimpseNotificationQueueFilling: [['glimpse_notification_queue_usage_ratio', '0.1x120']],
  GlimpsePoolExhausted: [
    ['glimpse_database_pool_waiting', '0x120'],
    ['glimpse_dependency_available{dependency="database"}', '1x120'],
  ],
  GlimpseQueriesSlow: [
    ['glimpse_database_query_duration_seconds_bucket{le="0.25"}', '0+60x120'],
    ['glimpse_database_query_duration_seconds_bucket{le="0.5"}', '0+60x120'],
    ['glimpse_database_query_duration_seconds_bucket{le="+Inf"}', '0+60x120'],
  ],
  GlimpseProcessBusy: [['nodejs_eventloop_lag_p99_seconds', '0.1x120']],
  GlimpseRestarting: [['process_start_time_seconds', '0x10 600x110']],
  GlimpseReleasesMixed: [['glimpse_build_info{version="0.1.0"}', '1x120']],
  GlimpseStoreUnavailable: [['glimpse_dependency_available{dependency="store"}', '1x120']],
  GlimpseStoreFilling: [['glimpse_data_store_free_bytes{store="filling"}', '1000000000-1000x120']],
  GlimpseStoreFull: [['glimpse_data_store_free_bytes{store="full"}', '1x120']],
  GlimpseUploadsFailing: [
    ['glimpse_data_transfers_total{direction="upload", outcome="failed"}', '3x120'],
    ['glimpse_data_transfers_total{direction="upload", outcome="aborted"}', '0+1x120'],
  ],
  GlimpseDownloadsFailing: [
    ['glimpse_data_transfers_total{direction="download", outcome="failed"}', '3x120'],
    ['glimpse_data_transfers_total{direction="download", outcome="aborted"}', '0+1x120'],
  ],
  GlimpseDeletionsQueued: [
    ['glimpse_data_deletions_age_seconds', '600x120'],
    ['glimpse_data_deletions_queued', '3x120'],
  ],
  GlimpseDataLost: [
    ['glimpse_data_check_findings{kind="missing"}', '0x120'],
    ['glimpse_data_check_findings{kind="orphan"}', '3x120'],
  ],
  GlimpseDataOrphaned: [
    ['glimpse_data_check_findings{kind="orphan"}', '0x120'],
    ['glimpse_data_check_findings{kind="missing"}', '1x120'],
  ],
  GlimpseSourceOld: [['glimpse_source_sync_age_seconds', '30x120']],
  GlimpseNoFollower: [
    ['glimpse_source_sync_age_seconds', '1x120'],
    ['glimpse_follower_active', '1x120'],
  ],
  GlimpseRemovalsRefused: [['glimpse_source_removals_refused', '0x120']],
  GlimpseMembersUnread: [['glimpse_source_members_unread', '0x120']],
  GlimpseMembersOld: [['glimpse_source_members_age_seconds', '600x120']],
  GlimpseFetchesFailing: [
    ['glimpse_source_fetches_total{outcome="failed"}', '0+1x120'],
    ['glimpse_source_fetches_total{outcome="found"}', '0+20x120'],
  ],
  GlimpseSourceChangesFailing: [
    ['glimpse_source_changes_total{outcome="failed"}', '3x120'],
    ['glimpse_source_changes_total{outcome="made"}', '0+10x120'],
  ],
};

/** A series as Prometheus stores it, of a pod of this service or of another target. */
function scraped(series: string, target: Readonly<Record<string, string>>): string {
  const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(series) ?? [];
  const all = [...Object.entries(target).map(([key, value]) => `${key}="${value}"`), labels];
  return `${name}{${all.filter((each) => each !== '').join(', ')}}`;
}

const POD = { job: 'glimpse', namespace: 'glimpse', pod: 'glimpse-0' };

/** The alerts about the service as a whole; each other names the pod that it is about. */
const OF_THE_SERVICE = new Set([
  ...['GlimpseAbsent', 'GlimpseErrors', 'GlimpseSlow', 'GlimpseQueriesSlow', 'GlimpseReleasesMixed'],
  ...['GlimpseNotificationQueueFilling', 'GlimpseStoreFilling', 'GlimpseStoreFull', 'GlimpseUploadsFailing'],
  ...['GlimpseDataLost', 'GlimpseDataOrphaned'],
  ...['GlimpseDownloadsFailing', 'GlimpseDeletionsQueued', 'GlimpseNoFollower', 'GlimpseRemovalsRefused'],
  ...['GlimpseMembersUnread', 'GlimpseMembersOld', 'GlimpseFetchesFailing', 'GlimpseSourceChangesFailing'],
]);

/** The names of the alerts that fire for the series of one target, which last as long as the slowest rule needs. */
function test(
  alerts: readonly string[],
  target: Readonly<Record<string, string>>,
  firing: readonly object[],
  { labels = 'alertname', given = FIRING } = {},
): object {
  const series = new Map(alerts.flatMap((alert) => given[alert]!));
  const slow = rules.some((rule) => alerts.includes(rule.alert) && rule.for === '1h');
  const names = alerts.join('|');
  return {
    interval: '1m',
    input_series: [...series].map(([name, values]) => ({ series: scraped(name, target), values })),
    promql_expr_test: [
      {
        expr: `count by (${labels}) (ALERTS{alertname=~"${names}", alertstate="firing"})`,
        eval_time: slow ? '70m' : '35m',
        exp_samples: firing,
      },
    ],
  };
}

suite(`the alerts${why}`, () => {
  function promtool(command: readonly string[], tests: readonly object[] = []): string {
    const folder = newFolder();
    writeFileSync(join(folder, 'rules.yml'), stringify({ groups }));
    writeFileSync(join(folder, 'tests.yml'), stringify({ rule_files: ['rules.yml'], tests }));
    const { status, stdout, stderr } = spawnSync('promtool', command, { cwd: folder, encoding: 'utf8' });
    return status === 0 ? '' : stdout + stderr;
  }

  it('are rules that Prometheus accepts', () => {
    expect(promtool(['check', 'rules', 'rules.yml'])).toBe('');
  });

  it('each have series here that make them fire, and some that do not', () => {
    const names = rules.map(({ alert }) => alert);
    expect([Object.keys(FIRING), Object.keys(HEALTHY)]).toEqual([names, names]);
  });

  it('name the pod in their text, unless they are about the service as a whole', () => {
    const unnamed = rules.filter(
      ({ annotations }) => !Object.values(annotations).some((text) => text.includes('$labels.pod')),
    );
    expect(new Set(unnamed.map(({ alert }) => alert))).toEqual(OF_THE_SERVICE);
  });

  it('fire for a replica, and are silent for any other process that Prometheus scrapes', () => {
    const others = [
      { ...POD, job: 'another' },
      { ...POD, namespace: 'another' },
    ];
    const names = rules.map(({ alert }) => alert);
    const tests = [
      ...rules.map((rule) => {
        const pod = OF_THE_SERVICE.has(rule.alert) ? '' : ', pod="glimpse-0"';
        const firing = [{ labels: `{alertname="${rule.alert}"${pod}}`, value: 1 }];
        return test([rule.alert], POD, firing, { labels: 'alertname, pod' });
      }),
      ...others.map((target) =>
        test(
          names.filter((alert) => alert !== 'GlimpseAbsent'),
          target,
          [],
        ),
      ),
    ];
    expect(promtool(['test', 'rules', 'tests.yml'], tests)).toBe('');
  });

  it('are silent for a replica that is well', () => {
    const tests = rules.map(({ alert }) => test([alert], POD, [], { given: HEALTHY }));
    expect(promtool(['test', 'rules', 'tests.yml'], tests)).toBe('');
  });
});
