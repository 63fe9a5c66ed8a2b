import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { EffectiveSettings } from '../settings/settings.js';
import { CannotListen } from './cannot-listen.js';
import { SILENCE_MS } from './overload.js';
import type { Telemetry } from '../telemetry/telemetry.js';

/** More than Prometheus servers ever need. */
const MAX_CONNECTIONS = 256;
const TIME_LIMITS = { requestTimeout: 10_000, headersTimeout: 10_000, connectionsCheckingInterval: 1_000 };

/**
 * Serves the metrics on a port of their own, if one is configured.
 *
 * @throws {CannotListen}
 */
export async function serveMetrics(
  telemetry: Telemetry,
  { host, metrics: { port } }: EffectiveSettings,
): Promise<Server | undefined> {
  if (port === undefined) return undefined;
  const server = createServer(TIME_LIMITS, (_request, response) => {
    void telemetry.metrics().then((text) => {
      response.writeHead(200, { 'content-type': telemetry.registry.contentType }).end(text);
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(SILENCE_MS);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new CannotListen(host, port, 'GLIMPSE_METRICS_PORT', error as NodeJS.ErrnoException);
  }
  return server;
}
