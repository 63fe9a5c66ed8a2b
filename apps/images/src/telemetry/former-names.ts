/** Renamed metrics, with their names in release 0.1. */
const FORMER_NAMES = {
  glimpse_token_validations_total: 'glimpse_tokens_judged_total',
  glimpse_notifications_received: 'glimpse_notices_heard',
  glimpse_notification_lag_seconds: 'glimpse_notice_lag_seconds',
  glimpse_source_sync_age_seconds: 'glimpse_source_look_age_seconds',
  glimpse_source_fetches_total: 'glimpse_source_look_ups_total',
} as const;

/**
 * Repeats renamed metrics under their former names, for dashboards and alerts that were written for them.
 *
 * @param page metrics in Prometheus's text format
 */
export function withFormerNames(page: string): string {
  const lines = page.split('\n');
  const repeated = Object.entries(FORMER_NAMES).flatMap(([name, formerName]) => {
    const series = lines.filter((line) => line.startsWith(name) || line.startsWith(`# TYPE ${name} `));
    if (series.length === 0) return [];
    return [
      `# HELP ${formerName} Deprecated: the former name of ${name}.`,
      ...series.map((line) => line.replace(name, formerName)),
    ];
  });
  return [page, ...repeated, ''].join('\n');
}
