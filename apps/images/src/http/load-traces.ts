import type { Traces } from './traces.js';

/** Loads traces if the environment names their collector; otherwise OpenTelemetry is not loaded at all. */
export async function loadTraces(
  env: Readonly<Record<string, string | undefined>>,
  version: string,
): Promise<Traces | undefined> {
  const wanted = env['OTEL_EXPORTER_OTLP_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  if (!wanted || env['OTEL_SDK_DISABLED'] === 'true') return undefined;
  const { Traces } = await import('./traces.js');
  return new Traces(version, env);
}
