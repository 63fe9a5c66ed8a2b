import { setTimeout as sleep } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { CannotListen } from '../http/cannot-listen.js';

/** The server of one API on a port of its own, with its own limits and connections. */
export interface Listener {
  /** The name of the API. */
  readonly api: string;
  readonly app: NestFastifyApplication;
  readonly port: number;
  /** The variable that names the port. */
  readonly setting: string;
  /** Ends the uploads that are passed on, with a response each. */
  endUploads?(): void;
}

/**
 * Opens all listeners, or none.
 *
 * @returns the URL of each, in order
 * @throws {CannotListen}
 */
export async function openListeners(listeners: readonly Listener[], host: string): Promise<string[]> {
  const urls: string[] = [];
  for (const { app, port, setting } of listeners) {
    try {
      await app.listen(port, host);
    } catch (error) {
      await closeListeners(listeners, 0);
      throw new CannotListen(host, port, setting, error as NodeJS.ErrnoException);
    }
    const address = app.getHttpServer().address() as { port: number };
    urls.push(`http://${host.includes(':') ? `[${host}]` : host}:${address.port}`);
  }
  return urls;
}

/**
 * Accepts no more connections on any listener, and completes the accepted requests of all within a time. Uploads have
 * half of it, so that their clients can send the rest of the image and get the response.
 */
export async function closeListeners(listeners: readonly Listener[], timeoutMs: number): Promise<void> {
  const closed = new AbortController();
  const { signal } = closed;
  const cutOff = sleep(timeoutMs / 2, undefined, { signal })
    .then(() => listeners.forEach((listener) => listener.endUploads?.()))
    .then(() => sleep(timeoutMs / 2, undefined, { signal }))
    .then(
      () => listeners.forEach(({ app }) => app.getHttpServer().closeAllConnections()),
      () => undefined,
    );
  await Promise.all(listeners.map(({ app }) => app.close()));
  closed.abort();
  await cutOff;
}
