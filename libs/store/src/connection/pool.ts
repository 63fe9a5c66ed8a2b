import pg from 'pg';
import { CONNECT_TIMEOUT_MS, SessionClient, type Connections } from './connections.js';

type PoolCallback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

/** Timed out in the queue for a connection of the pool; the database itself may be healthy. */
export const QUEUE_TIMEOUT = 'timeout exceeded when trying to connect';

/** Seconds after which a connection is replaced, and with it the plans that it keeps. */
const MAX_LIFETIME_S = 1_800;

/**
 * Milliseconds that an unused connection is kept. The driver's ten seconds would let each burst of requests after a pause
 * wait for new ones, which take tens of milliseconds, and seconds where the processor is busy.
 */
const IDLE_MS = 60_000;

/** A pool of sessions that tries a URL's servers in turn. */
export class SessionPool extends pg.Pool {
  constructor(
    private readonly connections: Connections,
    { max, queryTimeout }: { max: number; queryTimeout: number },
  ) {
    const config = {
      Client: SessionClient as unknown as new () => pg.ClientBase,
      connections,
      max,
      maxLifetimeSeconds: MAX_LIFETIME_S,
      idleTimeoutMillis: IDLE_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: queryTimeout,
    };
    super(config);
    // A lost idle connection emits an error here; the next query connects again. Unhandled, it would end the process.
    this.on('error', () => undefined);
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: PoolCallback): void;
  override connect(callback?: PoolCallback): Promise<pg.PoolClient> | void {
    if (callback) return this.#connectInTurn(callback, this.connections.count - 1);
    return new Promise((resolve, reject) => {
      this.#connectInTurn(
        (error, client) => (error ? reject(error) : resolve(client!)),
        this.connections.count - 1,
      );
    });
  }

  #connectInTurn(callback: PoolCallback, left: number): void {
    const server = this.connections.current;
    super.connect((error, client, done) => {
      const next =
        error && left > 0 && error.message !== QUEUE_TIMEOUT
          ? this.connections.after(server, error)
          : undefined;
      if (next) this.#connectInTurn(callback, left - 1);
      else callback(error, client, done);
    });
  }
}
