import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How often connections are checked for overdue ones. */
const CHECK_INTERVAL_MS = 1_000;

/** The fraction of the maximum that is closed at once, so that the search for the oldest ones is rarely needed. */
const SHED_FRACTION = 1 / 32;

/** Connections accepted beyond the maximum while all are busy; further ones are refused. */
const MAX_EXCESS = 512;

const WAITING_SINCE = Symbol('waiting since');
const RESPONSE = Symbol('response');

/** A connection, the `performance.now()` since which it has waited for a request head, and its unfinished response. */
type Tracked = Socket & { [WAITING_SINCE]?: number; [RESPONSE]?: ServerResponse | undefined };

/**
 * The open connections of a server. Beyond the maximum, those that have waited the longest for a request are closed,
 * of the remote address that has the most: new connections, above all those of probes, are always accepted, and
 * neither a head sent byte by byte nor empty lines between requests protect a connection.
 */
export class Connections {
  readonly #open = new Set<Tracked>();

  /**
   * @param most the maximum that may be open at a time
   * @param maxWaitMs the time for which one may wait for a request head
   */
  constructor(
    server: Server,
    private readonly most: number,
    private readonly maxWaitMs: number,
  ) {
    server.maxConnections = most + MAX_EXCESS;
    server.on('connection', (connection: Tracked) => {
      connection[WAITING_SINCE] = performance.now();
      if (this.#open.size >= this.most) this.#shed();
      this.#open.add(connection);
      connection.once('close', () => this.#open.delete(connection));
    });
    const check = setInterval(() => this.#closeOverdue(), CHECK_INTERVAL_MS).unref();
    server.once('close', () => clearInterval(check));
  }

  /** A response was sent at once. */
  responded(connection: Tracked, now: number): void {
    connection[WAITING_SINCE] = now;
  }

  /** A request is processed until its response is closed. */
  busy(connection: Tracked, response: ServerResponse): void {
    connection[WAITING_SINCE] = Infinity;
    connection[RESPONSE] = response;
    response.once('close', () => {
      // The next request of a pipeline may have begun already.
      if (connection[RESPONSE] !== response) return;
      connection[WAITING_SINCE] = performance.now();
      connection[RESPONSE] = undefined;
    });
  }

  /** Closes connections that never sent a byte: Node does not count these among the idle ones that it closes. */
  closeUnused(): void {
    for (const connection of this.#open) if (connection.bytesRead === 0) connection.destroy();
  }

  #closeOverdue(): void {
    const latest = performance.now() - this.maxWaitMs;
    for (const connection of this.#open) if (connection[WAITING_SINCE]! < latest) connection.destroy();
  }

  #shed(): void {
    const counts = new Map<string | undefined, number>();
    for (const { remoteAddress } of this.#open)
      counts.set(remoteAddress, (counts.get(remoteAddress) ?? 0) + 1);
    const [address] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most));
    [...this.#open]
      .filter((connection) => connection.remoteAddress === address && connection[WAITING_SINCE] !== Infinity)
      .sort((one, other) => one[WAITING_SINCE]! - other[WAITING_SINCE]!)
      .slice(0, Math.ceil(this.most * SHED_FRACTION))
      .forEach((connection) => {
        this.#open.delete(connection);
        connection.destroy();
      });
  }
}
