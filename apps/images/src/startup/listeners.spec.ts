import { once } from 'node:events';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Authenticator } from '@glimpse/plugins';
import { Controller, Get, Module } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Api } from '../http/api.js';
import { UnreadLimits } from '../http/limits.js';
import { MAX_OPEN_UNREAD_BYTES } from '../http/overload.js';
import { PLAIN_PATHS } from '../http/path.js';
import { Telemetry } from '../telemetry/telemetry.js';
import { createApp } from './app.js';
import { closeListeners, openListeners, type Listener } from './listeners.js';

const HOST = '127.0.0.1';

function apiOf(name: string): Api {
  return {
    name,
    serviceType: name,
    methods: ['GET'],
    maxBodyBytes: 1,
    timeLimits: { requestMs: 1_000, silenceMs: 1_000 },
    paths: PLAIN_PATHS,
    owns: () => false,
    isOpen: () => true,
    acceptsParameters: () => true,
    isUpload: () => false,
    streamsBody: () => false,
    responseHeaders: () => ({ 'x-api': name }),
    faultOf: () => ({ status: 404, headers: {}, body: name }),
    isExpected: () => true,
  };
}

let release: () => void;
let started: Promise<void>;

/** As large as all unread responses together may be. */
const LARGE = Buffer.alloc(MAX_OPEN_UNREAD_BYTES);

@Controller()
class SlowController {
  @Get('large')
  large(): Buffer {
    return LARGE;
  }

  @Get('slow')
  async slow(): Promise<string> {
    begin();
    await held;
    return 'done';
  }
}

@Module({ controllers: [SlowController] })
class SlowModule {}

let begin: () => void;
let held: Promise<void>;
let stopping: AbortController;
let unread: UnreadLimits;

async function listenerOf(name: string, setting: string, port = 0): Promise<Listener> {
  const auth = { authenticator: {} as Authenticator, serviceType: name };
  const telemetry = new Telemetry({ level: 'fatal', requests: false });
  const parts = { auth, telemetry, unread, fastPath: () => undefined };
  return { api: name, app: await createApp(apiOf(name), SlowModule, parts, stopping.signal), port, setting };
}

describe('the listeners of a service', () => {
  let listeners: Listener[];
  beforeEach(async () => {
    stopping = new AbortController();
    unread = new UnreadLimits();
    started = new Promise((resolve) => (begin = resolve));
    held = new Promise((resolve) => (release = resolve));
    listeners = [await listenerOf('one', 'ONE_PORT'), await listenerOf('two', 'TWO_PORT')];
  });
  afterEach(() => closeListeners(listeners, 0));

  it('serve an API each, on a port each', async () => {
    const urls = await openListeners(listeners, HOST);
    expect(new Set(urls).size).toBe(2);
    const names = await Promise.all(urls.map(async (url) => (await fetch(`${url}/x`)).headers.get('x-api')));
    expect(names).toEqual(['one', 'two']);
  });

  it('are not opened at all where one of them cannot be, and the error names its setting', async () => {
    const occupied = createTcpServer().listen(0, HOST);
    await once(occupied, 'listening');
    const { port } = occupied.address() as AddressInfo;
    listeners[1] = await listenerOf('two', 'TWO_PORT', port);
    await expect(openListeners(listeners, HOST)).rejects.toThrow(
      `cannot listen on ${HOST} port ${port}: it is in use; choose another with TWO_PORT`,
    );
    expect(listeners[0]!.app.getHttpServer().listening).toBe(false);
    occupied.close();
  });

  it('share the limit on unread responses', async () => {
    const [one, two] = await openListeners(listeners, HOST);
    const stalled = connect(Number(new URL(one!).port), HOST).pause();
    const closed = once(stalled, 'close');
    stalled.on('error', () => undefined);
    stalled.write('GET /large HTTP/1.1\r\nHost: one\r\n\r\n');
    await once(stalled, 'readable');
    // A connection is closed for others once its client has read nothing for half a second.
    await sleep(600);
    const response = await fetch(`${two!}/large`);
    expect(response.status).toBe(200);
    await response.body!.cancel();
    stalled.resume();
    await closed;
    expect(stalled.bytesRead).toBeLessThan(LARGE.length);
  });

  it('complete the requests that any of them has accepted, and announce the end', async () => {
    const [, url] = await openListeners(listeners, HOST);
    const response = fetch(`${url}/slow`);
    await started;
    stopping.abort();
    const closed = closeListeners(listeners, 10_000);
    await expect(fetch(`${url}/slow`)).rejects.toThrow();
    release();
    const { headers, status } = await response;
    expect([status, headers.get('connection')]).toEqual([200, 'close']);
    await closed;
  });

  it('close the connections of requests that last longer than that', async () => {
    const [url] = await openListeners(listeners, HOST);
    const response = fetch(`${url}/slow`);
    const lost = expect(response).rejects.toThrow();
    await started;
    const closed = closeListeners(listeners, 50);
    await lost;
    release();
    await closed;
  });
});
