import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Run } from '../harness/command.js';
import { createDatabase } from '../harness/databases.js';
import { ROOT } from '../harness/packages.js';
import { sendRaw } from '../harness/raw-http.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

const ITEM = '/v2.1/images/22222222-0000-4000-8000-000000000001';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

/** The build, whose modules have the names of the sources; the package has them bundled. */
const BUILD: Run = { command: [process.execPath, join(ROOT, 'apps/images/bin/glimpse.js')] };

/** Node options that print the modules of OpenTelemetry that are loaded. */
const WATCHED = (() => {
  const hooks = `
    import { writeSync } from 'node:fs';
    export function resolve(specifier, context, next) {
      if (/opentelemetry|traces\\.js$/.test(specifier)) writeSync(2, 'LOADED ' + specifier + '\\n');
      return next(specifier, context);
    }`;
  const url = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(url(hooks))});`;
  return { NODE_OPTIONS: `--import ${url(register)}` };
})();

/** Receives traces by OTLP, where names are text and ids are bytes. */
class Collector {
  readonly received: Buffer[] = [];
  readonly url: string;

  private constructor(private readonly server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.url === '/v1/traces') this.received.push(Buffer.concat(chunks));
        response.end();
      });
    });
  }

  static async start(): Promise<Collector> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Collector(server);
  }

  has(part: string | Buffer): boolean {
    return this.received.some((body) => body.includes(part));
  }

  stop(): void {
    this.server.close().closeAllConnections();
  }
}

describe('traces', () => {
  let collector: Collector;
  let service: Service;
  beforeAll(async () => {
    collector = await Collector.start();
    const settings = {
      ...WATCHED,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '200',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=suite',
    };
    service = await startService(await createDatabase('contract'), settings, BUILD);
  });
  afterAll(async () => {
    await service.stop();
    collector.stop();
  });

  it('continue the one that the sender began, through token and query', async () => {
    const headers = {
      'x-auth-token': tokenOf('demo'),
      traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
    };
    const { status, headers: answered } = await sendRaw(service.url, { target: ITEM, headers });
    expect(status).toBe(200);
    const names = ['GET /v2.1/images/:image_id', 'authenticate', 'prisma:client:operation'];
    await until(() => names.every((name) => collector.has(name)));
    const mine = collector.received.filter((body) => body.includes(Buffer.from(TRACE, 'hex')));
    const spans = Buffer.concat(mine);
    for (const name of names) expect(spans.includes(name)).toBe(true);
    // The span of the request, of the token and of the query at least: each has the id of the trace.
    expect(spans.toString('hex').split(TRACE).length - 1).toBeGreaterThanOrEqual(names.length);
    expect(spans.includes(answered['x-openstack-request-id']!)).toBe(true);
    for (const text of ['glimpse', 'deployment.environment.name']) expect(spans.includes(text)).toBe(true);
  });

  it('cover requests with a body, too', async () => {
    const trace = TRACE.replace('4bf9', 'abcd');
    const { status } = await sendRaw(service.url, {
      method: 'PUT',
      target: `${ITEM}/metadata/colour`,
      headers: { 'x-auth-token': tokenOf('demo'), traceparent: `00-${trace}-00f067aa0ba902b7-01` },
      body: '{"meta": {"colour": "blue"}}',
    });
    expect(status).toBe(200);
    await until(() => collector.has('PUT /v2.1/images/:image_id/metadata/:key'));
    await until(() => {
      const bytes = Buffer.concat(collector.received).toString('hex');
      return bytes.split(trace).length - 1 >= 3;
    });
  });

  it('contain no token', () => {
    expect(collector.received.length).toBeGreaterThan(0);
    expect(collector.has(tokenOf('demo'))).toBe(false);
  });

  it('are loaded for it', () => {
    expect(service.log()).toMatch(/^LOADED @opentelemetry\/sdk-trace-node$/m);
  });
});

describe('without a collector named', () => {
  it('nothing of OpenTelemetry is loaded', async () => {
    const service = await startService(await createDatabase('contract'), WATCHED, BUILD);
    expect(
      (await sendRaw(service.url, { target: ITEM, headers: { 'x-auth-token': tokenOf('demo') } })).status,
    ).toBe(200);
    expect(await service.stop()).toBe(0);
    expect(service.log()).toContain('"event":"stopped"');
    expect(service.log()).not.toMatch(/LOADED .*(?:opentelemetry|\/traces\.js)/);
  });
});

describe('a collector that never responds', () => {
  it('delays neither requests nor the shutdown', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const service = await startService(await createDatabase('contract'), {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${port}/v1/traces`,
      // Longer than this test may take.
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '600000',
    });
    const headers = { 'x-auth-token': tokenOf('demo') };
    expect((await sendRaw(service.url, { target: ITEM, headers })).status).toBe(200);
    const sent = once(silent, 'request');
    expect(await service.stop()).toBe(0);
    await sent;
    silent.closeAllConnections();
    silent.close();
  });
});
