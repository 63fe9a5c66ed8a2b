import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuthGuardOptions } from '@glimpse/auth/nestjs';
import { InvalidOptions } from '@glimpse/options';
import { type Authenticator, type ImageSource } from '@glimpse/plugins';
import { StoredMirror, openDatabase } from '@glimpse/store';
import type { FastifyRequest } from 'fastify';
import { ImageAccess } from '../access/image-access.js';
import { DataAccess } from '../access/image-data.js';
import { ImageImports } from '../access/image-imports.js';
import { ListLimit } from '../access/list-limit.js';
import { loadProtections } from '../access/protections/property-protections.js';
import { Transfers } from '../access/transfers.js';
import { loadImagePolicy } from '../access/load-image-policy.js';
import type { Parts } from './app.module.js';
import { computeParts, createComputeApp, type ComputeParts } from './compute-app.js';
import { createImageApp, type ImageParts } from './image-app.js';
import { closeListeners, openListeners, type Listener } from './listeners.js';
import { openCatalogue } from './catalogue.js';
import { logFindings } from './checks/checks.js';
import { computeDescription } from '../compute/openapi.js';
import { ownDocuments } from '../image/api-documents.js';
import { imageDescription } from '../image/openapi.js';
import { serveDescription } from '../http/openapi.js';
import { isLoopback } from '../settings/complete.js';
import type { EffectiveSettings } from '../settings/settings.js';
import { loadStores, openData } from './data.js';
import { reachDatabase } from './database.js';
import { welcome } from '../development/welcome.js';
import { DatabaseProbe } from '../health/database-probe.js';
import { DependencyProbe } from '../health/dependency-probe.js';
import { UnreadLimits } from '../http/limits.js';
import { pathOf } from '../http/path.js';
import { openPassThrough } from './pass-through.js';
import { faultsOf, loadAuthenticator, loadExtensions } from './plugins.js';
import { loadSource, refuseOtherImages, sourceCheck, withImageUrl } from './source.js';
import { SourceUrl } from './source-url.js';
import type { StoreCheck } from './store-check.js';
import { CLOSE_DEADLINE_MS, aborted, atMost } from './stop-signal.js';
import { loadTraces } from '../http/load-traces.js';
import { serveMetrics } from '../http/metrics-server.js';
import { DataMetrics } from '../telemetry/data-metrics.js';
import { exposePool } from '../telemetry/pool-metrics.js';
import { Telemetry } from '../telemetry/telemetry.js';
import { VERSION } from '../settings/version.js';

/**
 * Runs the service until `stop`. Its dependencies may be unavailable at any time: that never ends it.
 *
 * @throws {PluginError} {ProtectionFileError} {EmbeddedDatabaseError} {InvalidOptions} {CannotListen} it cannot start
 */
export async function serve(given: EffectiveSettings, stop: AbortSignal): Promise<void> {
  const traces = await loadTraces(process.env, VERSION);
  const telemetry = new Telemetry(given.log);
  const source = await loadSource(given, telemetry);
  const sourceUrl = source && new SourceUrl(source, given);
  const settings = withImageUrl(given, sourceUrl);
  const extensions = await loadExtensions(settings, telemetry);
  const authenticator = await loadAuthenticator(settings, telemetry);
  const loadedStores = await loadStores(settings, (plugin) => faultsOf(plugin, telemetry));
  const auth: AuthGuardOptions = {
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
  // No request should wait for it.
  await database.prisma();
  exposePool(telemetry.registry, database.pool, poolSize);
  const probe = new DatabaseProbe(database, telemetry);
  const over = new AbortController();
  const watched = probe.watch(over.signal);
  const opened = openCatalogue(settings, { database, url, probe, telemetry, source });
  const listening = opened.listen(over.signal);
  // Links of the Image API are relative.
  const linksKnown =
    source && settings.port !== 'off' ? (): boolean => settings.image_url !== undefined : undefined;
  const dataMetrics = new DataMetrics(telemetry);
  const openedData = openData(loadedStores, {
    ...{ objects: opened.objects, telemetry, metrics: dataMetrics },
    isReady: () => probe.schemaSeen,
  });
  const dependencies = dependenciesOf({ authenticator, source, stores: openedData?.checks }, telemetry);
  const health = { database: probe, dependencies, stopping: stop, linksKnown };

  const refused = new AbortController();
  const checked = dependencies.map((dependency) => dependency.watch(over.signal));
  if (sourceUrl) {
    const mirror = new StoredMirror(database);
    void probe.ready.then(() => sourceUrl.watch(mirror, over.signal));
  }
  const swept = openedData?.sweeper.run(over.signal);
  void probe.ready.then(() => openedData?.checks.forEach((check) => void check.run(over.signal)));
  if (source) {
    void probe.ready
      .then(() => refuseOtherImages(new StoredMirror(database), settings))
      .catch((error: unknown) => error instanceof InvalidOptions && refused.abort(error));
  }

  const imageAccess = new ImageAccess(opened.allAttributes, policy, protections);
  const data = new DataAccess(
    ...([imageAccess, opened.objects, openedData?.stores, settings.data] as const),
    new Transfers(dataMetrics),
  );
  const imports = new ImageImports(
    ...([imageAccess, opened.objects, openedData?.stores, settings.data] as const),
    (fault) => telemetry.observe('copy-failed', fault),
  );
  try {
    const listLimit = new ListLimit({ poolSize: settings.database.pool });
    const parts = { settings, auth, health, telemetry, traces, unread: new UnreadLimits(), listLimit };
    const publicUrl = given.image_url?.replace(/\/v2$/, '');
    const { sourceChanges: changes } = opened;
    const passThrough =
      changes && (await openPassThrough(settings, { telemetry, changes, publicUrl, stopping: stop }));
    const stopping = AbortSignal.any([stop, refused.signal]);
    const all: AllParts = {
      compute: computeParts(
        { ...parts, access: new ImageAccess(opened.catalogue, policy, protections) },
        extensions,
      ),
      image: {
        ...parts,
        access: imageAccess,
        data,
        imports,
        apiDocuments: opened.sourceDocuments ?? ownDocuments(settings),
        attributesFilled: opened.attributesFilled,
        editor: opened.catalogue.editor,
        publicUrl,
        passThrough,
      },
    };
    await serveUntil(stopping, all, () => {
      const dependencies = {
        ...{ settings: given, source, stores: loadedStores, faultOf: () => undefined },
        // A replica that is killed meanwhile would leave it there.
        writesObjects: false,
      };
      void probe.ready.then(() => logFindings({ ...dependencies, signal: stopping }, telemetry));
    });
    refused.signal.throwIfAborted();
  } finally {
    over.abort();
    imports.end();
    await atMost(CLOSE_DEADLINE_MS, Promise.all([data.settled(), imports.settled()]));
    await atMost(CLOSE_DEADLINE_MS, Promise.all([watched, listening, swept, ...checked]));
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

/** The parts of each API. */
interface AllParts {
  readonly compute: ComputeParts;
  readonly image: ImageParts;
}

interface Dependencies {
  readonly authenticator: Authenticator;
  readonly source: ImageSource | undefined;
  readonly stores: readonly StoreCheck[] | undefined;
}

/** The dependencies that are probed besides the database. */
function dependenciesOf(
  { authenticator, source, stores = [] }: Dependencies,
  telemetry: Telemetry,
): DependencyProbe[] {
  const keystone = authenticator.check?.bind(authenticator);
  return [
    ...(keystone ? [new DependencyProbe('keystone', () => keystone(), telemetry)] : []),
    ...(source ? [new DependencyProbe('source', sourceCheck(source, telemetry), telemetry)] : []),
    ...stores.map((store) => new DependencyProbe(store.dependency, (signal) => store.run(signal), telemetry)),
  ];
}

/**
 * Serves requests until `stop`. From then on `/readyz` fails, but requests are still served for a while, so that
 * load balancers react before a request could fail; then accepted requests are completed.
 */
async function serveUntil(stop: AbortSignal, parts: AllParts, onListening: () => void): Promise<void> {
  const { settings, telemetry } = parts.compute;
  const { delay = 0, timeout } = settings.shutdown;
  const listeners = await listenersOf(parts);
  let metrics: Server | undefined;
  try {
    const urls = await openListeners(listeners, settings.host);
    metrics = await serveMetrics(telemetry, settings);
    announce(listeners, urls, parts.compute);
    onListening();
    await aborted(stop);
    telemetry.observe('stopping', { reason: String(stop.reason) });
    await sleep(delay * 1000);
  } finally {
    await closeListeners(listeners, timeout * 1000);
    metrics?.close();
  }
}

/** The listener of each API that has a port. */
async function listenersOf({ compute, image }: AllParts): Promise<Listener[]> {
  const { settings } = compute;
  const listeners: Listener[] = [];
  if (settings.port !== 'off') {
    const app = await createComputeApp(compute);
    serveDescription(app, computeDescription(settings));
    listeners.push({ api: 'compute', app, port: settings.port, setting: 'GLIMPSE_PORT' });
  }
  if (settings.image.port !== 'off') {
    const app = await createImageApp(image);
    serveDescription(app, imageDescription(image.publicUrl));
    listeners.push({
      ...{ api: 'image', app, port: settings.image.port, setting: 'GLIMPSE_IMAGE_PORT' },
      endUploads() {
        image.passThrough?.endUploads();
        image.data.endUploads();
        image.imports.end();
      },
    });
  }
  return listeners;
}

/** Logs where each API is served; in development prints how to use it, once the catalogue is available. */
function announce(
  listeners: readonly Listener[],
  urls: readonly string[],
  { settings, telemetry, health }: Parts,
): void {
  const { host, mode, identities } = settings;
  if (identities && !isLoopback(host)) telemetry.observe('development-tokens-exposed', { host });
  listeners.forEach(({ api }, at) => telemetry.observe('listening', { url: urls[at]!, mode, api }));
  if (mode === 'development') {
    const served = listeners.map(({ api }, at) => [api, urls[at]!]);
    const urlOf = Object.fromEntries(served) as Parameters<typeof welcome>[0];
    void health.database.ready.then(() => process.stdout.write(welcome(urlOf, settings)));
  }
}
