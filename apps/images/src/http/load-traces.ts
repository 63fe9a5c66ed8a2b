import type { Traces } from './traces.js';

/** Traces, where the environment says whom to send them to; else nothing of OpenTelemetry is even loaded. */
export async function loadTraces(
  env: Readonly<Record<string, string | undefined>>,
  version: string,
): Promise<Traces | undefined> {
  const wanted = env['OTEL_EXPORTER_OTLP_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  if (!wanted || env['OTEL_SDK_DISABLED'] === 'true') return undefined;
  const { Traces } = await import('./traces.js');
  return new Traces(version, env);
}
