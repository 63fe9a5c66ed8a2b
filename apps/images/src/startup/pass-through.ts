import type { SourceChanges } from '@glimpse/mirror';
import { Cors } from '../http/cors.js';
import type { GlancePassThrough } from '../image/pass-through/glance-pass-through.js';
import type { EffectiveSettings } from '../settings/settings.js';
import { exposePassThrough } from '../telemetry/mirror-metrics.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import { glanceCertificates } from './source.js';

interface PassThroughParts {
  readonly telemetry: Telemetry;
  readonly changes: SourceChanges;
  /** The endpoint of the Image API as clients know it, if it is configured. */
  readonly publicUrl: string | undefined;
  readonly stopping: AbortSignal;
}

/**
 * What passes requests of the Image API on to Glance.
 *
 * @returns undefined where the catalogue has another source than Glance, or none
 * @throws {InvalidOptions}
 */
export async function openPassThrough(
  settings: EffectiveSettings,
  parts: PassThroughParts,
): Promise<GlancePassThrough | undefined> {
  const { glance, source, image, cors } = settings;
  if (source.use !== 'glance' || image.port === 'off' || glance.url === undefined) return undefined;
  const { GlanceConnections } = await import('../image/pass-through/glance-connections.js');
  const { GlancePassThrough } = await import('../image/pass-through/glance-pass-through.js');
  const glanceUrl = new URL(glance.url.replace(/\/+$/, '').replace(/\/v2$/, ''));
  const connections = new GlanceConnections({
    url: glanceUrl,
    connectTimeoutMs: glance.connect_timeout * 1000,
    ca: glanceCertificates(settings),
  });
  const passThrough = new GlancePassThrough({
    ...parts,
    connections,
    glanceUrl,
    cors: Cors.of(cors),
    silenceMs: glance.silence * 1000,
    transfers: glance.transfers,
  });
  exposePassThrough(parts.telemetry, () => passThrough.inProgress);
  return passThrough;
}
