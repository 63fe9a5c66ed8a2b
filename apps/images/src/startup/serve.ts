import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Image } from '@glimpse/domain';
import type { LinkBase } from '@glimpse/links';
import type { JudgeOfRequests } from '@glimpse/auth/nestjs';
import { InvalidOptions } from '@glimpse/options';
import { type Authenticator, type ImageSource } from '@glimpse/plugins';
import { StoredMirror, openDatabase } from '@glimpse/store';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { ImageAccess } from '../access/image-access.js';
import { loadProtections } from '../access/protections/property-protections.js';
import { loadImagePolicy } from '../access/load-image-policy.js';
import type { Parts } from './app.module.js';
import { createComputeApp } from './app.js';
import { imageView, isSameBase } from '../compute/images/image.view.js';
import { openCatalogue } from './catalogue.js';
import { serveDescription } from '../compute/openapi.js';
import { ImageDocuments } from '../http/image-documents.js';
import { isLoopback } from '../settings/complete.js';
import type { EffectiveSettings } from '../settings/settings.js';
import { reachDatabase } from './database.js';
import { welcome } from '../development/welcome.js';
import { DatabaseProbe } from '../health/database-probe.js';
import { DependencyProbe } from '../health/dependency-probe.js';
import { boundHeap } from './heap.js';
import { CannotListen } from '../http/cannot-listen.js';
import { pathOf } from '../http/path.js';
import { loadAuthenticator, loadExtensions } from './plugins.js';
import { loadSource, refuseOtherImages, sourceCheck, withSource } from './source.js';
import { CLOSE_DEADLINE_MS, aborted, atMost } from './stop-signal.js';
import { loadTraces } from '../http/load-traces.js';
import { serveMetrics } from '../http/metrics-server.js';
import { exposePool } from '../telemetry/pool-metrics.js';
import { Telemetry } from '../telemetry/telemetry.js';
import { VERSION } from '../settings/version.js';

/**
 * Runs the service until it is told to stop. What stands behind it may be away at any time: that never ends it.
 *
 * @param stop aborted when the service is to stop
 * @throws {PluginError} {ProtectionFileError} {EmbeddedDatabaseError} {InvalidOptions} {CannotListen} it cannot start
 */
export async function serve(given: EffectiveSettings, stop: AbortSignal): Promise<void> {
  boundHeap();
  const { level, requests } = given.log;
  const traces = await loadTraces(process.env, VERSION);
  const telemetry = new Telemetry({ level, requests, version: VERSION });
  const source = await loadSource(given, telemetry);
  const settings = withSource(given, source);
  const extensions = await loadExtensions(settings, telemetry);
  const authenticator = await loadAuthenticator(settings, telemetry);
  const judge: JudgeOfRequests = {
    authenticator: traces?.through(authenticator) ?? authenticator,
    serviceType: settings.token.service_type,
    pathOf: (request) => pathOf((request as FastifyRequest).raw),
  };
  const policy = loadImagePolicy(settings);
  for (const warning of policy.warnings) telemetry.observe('policy-rule-unsound', warning);
  const protections = loadProtections(settings.property_protections, policy);
  const { url, pooler, leave } = await reachDatabase(settings, { service: true });
  const { pool: poolSize } = settings.database;
  const database = openDatabase({ url, poolSize, pooler });
  exposePool(telemetry.registry, database.pool, poolSize);
  const probe = new DatabaseProbe(database, telemetry);
  const over = new AbortController();
  const watched = probe.watch(over.signal);
  const { catalogue, listen } = openCatalogue(settings, { database, url, probe, telemetry, source });
  const listening = listen(over.signal);
  const access = new ImageAccess(catalogue, policy, protections);
  const form = { viewOf: (image: Image, base: LinkBase) => imageView(image, base, extensions), isSameBase };
  const documents = new ImageDocuments(form, catalogue.cache && access);
  const linksKnown = source && ((): boolean => settings.image_url !== undefined);
  const dependencies = dependenciesOf(authenticator, source, telemetry);
  const health = { database: probe, dependencies, stopping: stop, linksKnown };

  const refused = new AbortController();
  const checked = dependencies.map((dependency) => dependency.watch(over.signal));
  if (source) {
    void probe.ready
      .then(() => refuseOtherImages(new StoredMirror(database), settings))
      .catch((error: unknown) => error instanceof InvalidOptions && refused.abort(error));
  }

  try {
    const parts = { settings, access, documents, extensions, judge, health, telemetry, traces };
    await answer(parts, AbortSignal.any([stop, refused.signal]));
    refused.signal.throwIfAborted();
  } finally {
    over.abort();
    await atMost(CLOSE_DEADLINE_MS, Promise.all([watched, listening, ...checked]));
    await atMost(CLOSE_DEADLINE_MS, database.close());
    try {
      await leave();
    } finally {
      await traces?.end();
    }
  }
  telemetry.observe('stopped', {});
  await telemetry.flush();
}

/** What is checked besides the database. */
function dependenciesOf(
  authenticator: Authenticator,
  source: ImageSource | undefined,
  telemetry: Telemetry,
): DependencyProbe[] {
  const keystone = authenticator.check?.bind(authenticator);
  return [
    ...(keystone ? [new DependencyProbe('keystone', () => keystone(), telemetry)] : []),
    ...(source ? [new DependencyProbe('source', sourceCheck(source, telemetry), telemetry)] : []),
  ];
}

/**
 * Answers requests until told to stop. From then on `/readyz` refuses, and for a while everything else goes
 * on, so that whoever sends requests here has seen it before the first could fail; then those that were
 * accepted are answered.
 */
async function answer(parts: Parts, stop: AbortSignal): Promise<void> {
  const { settings, telemetry } = parts;
  const { delay = 0, timeout } = settings.shutdown;
  const app = await createComputeApp(parts);
  serveDescription(app, settings);
  let metrics: Server | undefined;
  try {
    await listen(app, settings);
    metrics = await serveMetrics(telemetry, settings);
    announce(app, parts);
    await aborted(stop);
    telemetry.observe('stopping', { reason: String(stop.reason) });
    await sleep(delay * 1000);
  } finally {
    const cutOff = setTimeout(() => app.getHttpServer().closeAllConnections(), timeout * 1000);
    await app.close();
    clearTimeout(cutOff);
    metrics?.close();
  }
}

async function listen(app: NestFastifyApplication, { host, port }: EffectiveSettings): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    throw new CannotListen(host, port, 'GLIMPSE_PORT', error as NodeJS.ErrnoException);
  }
}

/** Says where the service is; a developer is welcomed once it can answer. */
function announce(app: NestFastifyApplication, { settings, telemetry, health }: Parts): void {
  const { port } = app.getHttpServer().address() as { port: number };
  const { host, mode, identities } = settings;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (identities && !isLoopback(host)) telemetry.observe('development-tokens-exposed', { host });
  telemetry.observe('listening', { url, mode });
  if (mode === 'development') {
    void health.database.ready.then(() => process.stdout.write(welcome(url, settings)));
  }
}
