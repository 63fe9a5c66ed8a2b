import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How often connections are checked for those that waited too long. */
const CHECK_INTERVAL_MS = 1_000;

/** Which part of the most is closed at once, so that the search for the longest waiting is rarely needed. */
const SHED_AT_ONCE = 1 / 32;

/** Beyond the most by so many, where all are busy, new connections are refused. */
const MARGIN = 512;

const WAITING_SINCE = Symbol('waiting since');
const RESPONSE = Symbol('response');

/** A connection, since when it has waited for a whole request head, by `performance.now()`, and what it is busy with. */
type Tracked = Socket & { [WAITING_SINCE]?: number; [RESPONSE]?: ServerResponse | undefined };

/**
 * The open connections of a server. Where there are too many, those that have waited for a request the longest are
 * closed, of the remote address that has the most: new connections, of probes above all, are always accepted, and
 * neither a head that comes byte by byte nor empty lines in between keep a connection.
 */
export class Connections {
  readonly #open = new Set<Tracked>();

  /**
   * @param most that are open at a time
   * @param maxWaitMs for which one may wait for a request head
   */
  constructor(
    server: Server,
    private readonly most: number,
    private readonly maxWaitMs: number,
  ) {
    server.maxConnections = most + MARGIN;
    server.on('connection', (connection: Tracked) => {
      connection[WAITING_SINCE] = performance.now();
      if (this.#open.size >= this.most) this.#shed();
      this.#open.add(connection);
      connection.once('close', () => this.#open.delete(connection));
    });
    const check = setInterval(() => this.#closeOverdue(), CHECK_INTERVAL_MS).unref();
    server.once('close', () => clearInterval(check));
  }

  /** A request was answered without anything to wait for. */
  answered(connection: Tracked, now: number): void {
    connection[WAITING_SINCE] = now;
  }

  /** A request is worked on, until its response is taken. */
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

  /** Closes those on which no byte ever came: Node, when it closes what is idle, leaves these open. */
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
      .slice(0, Math.ceil(this.most * SHED_AT_ONCE))
      .forEach((connection) => {
        this.#open.delete(connection);
        connection.destroy();
      });
  }
}
