import { Socket } from 'node:net';
import pg from 'pg';
import {
  PoolerInFront,
  beginSession,
  sessionSettings,
  startupOptions,
  type SessionOptions,
} from './session.js';
import { limitQueries } from './query-timeout.js';
import { parseDatabaseUrl, type DatabaseAddress, type Server } from './url.js';

/** Milliseconds within which PostgreSQL has to accept a connection, or the pool to have one free. */
export const CONNECT_TIMEOUT_MS = 2_000;

/** Dates are sent in UTC, whatever the zone of this process. */
pg.defaults.parseInputDatesAsUTC = true;

/** Codes of Node for a host that cannot be reached, with TLS or without. */
const UNREACHABLE = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ENOENT|25006)$/;
/** SQLSTATEs of a refused user or password: other hosts would refuse it as well. */
const REFUSED_LOGIN = /^28/;

/** PgBouncer's error for start-up options. */
const OPTIONS_REFUSED = /unsupported startup parameter/;

/** The server requires a password and the URL has none. */
class NoPassword extends Error {
  readonly code = '28P01';

  constructor() {
    super('the server requires a password, and the URL has none');
  }
}

/** How connections of one kind are made to the database of a URL. */
export class Connections {
  readonly #address: DatabaseAddress;
  #current: Server;

  /** @throws {BadDatabaseUrl} */
  constructor(
    url: string,
    readonly session: SessionOptions,
  ) {
    this.#address = parseDatabaseUrl(url);
    this.#current = this.#address.servers[0]!;
  }

  /** The schema that the URL names. */
  get schema(): string | undefined {
    return this.#address.schema;
  }

  /** The server that the next connection is made to. */
  get current(): Server {
    return this.#current;
  }

  /** pg's configuration of a connection to the current server, in parts, so that nothing of it can be replaced. */
  config(): pg.ClientConfig {
    const { user, password, database, options, tlsNegotiation, schema } = this.#address;
    const { host, port, ssl } = this.#current;
    const settings = this.session.pooler ? {} : sessionSettings(this.session, schema);
    return {
      user,
      database,
      host,
      port,
      ssl,
      sslnegotiation: ssl ? tlsNegotiation : 'postgres',
      // As a function: otherwise pg would read one from files of its own.
      password() {
        if (password === undefined) throw new NoPassword();
        return password;
      },
      application_name: this.session.name,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      options: startupOptions(settings, options),
    };
  }

  /**
   * The servers that remain to be tried after one has failed, in turn; the first of them is the current one from
   * now on. What concerns TLS or rights may be different on the same host without TLS; an unreachable host stays so.
   */
  after(failed: Server, error: unknown): Server | undefined {
    const { servers } = this.#address;
    const { code, message } = error as { code?: string; message: string };
    const unreachable = UNREACHABLE.test(code ?? '') || /time-?out/.test(message);
    const place = servers.indexOf(failed);
    const others = [...servers.slice(place + 1), ...servers.slice(0, place)];
    const next = others.find(({ host, port }) => {
      const sameHost = host === failed.host && port === failed.port;
      return sameHost ? !unreachable : !REFUSED_LOGIN.test(code ?? '');
    });
    if (next && this.#current === failed) this.#current = next;
    return next;
  }

  /** How many servers there are to try. */
  get count(): number {
    return this.#address.servers.length;
  }
}

type ConnectCallback = ((error: Error) => void) & ((error: null, client: pg.Client) => void);

/** A connection whose session is as the code needs it before anything else is sent. */
export class SessionClient extends pg.Client {
  readonly #connections: Connections;
  readonly server: Server;

  constructor({ connections, query_timeout, ...config }: pg.ClientConfig & { connections: Connections }) {
    const socket = (config.stream?.() as Socket | undefined) ?? new Socket();
    super({ ...connections.config(), ...config, stream: () => socket });
    limitQueries(this, socket, query_timeout ?? 0);
    this.#connections = connections;
    this.server = connections.current;
    // A lost connection emits an error here as well; the query that needs it fails. Unhandled, it would end the process.
    this.on('error', () => undefined);
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.Client> | void {
    const connected = this.#begin();
    if (!callback) return connected;
    connected.then(
      () => callback(null, this),
      (error: unknown) => callback(error as Error),
    );
  }

  async #begin(): Promise<pg.Client> {
    try {
      await super.connect();
      const { session, schema } = this.#connections;
      await beginSession(this, session, schema);
      return this;
    } catch (error) {
      // pg leaves the socket of a refused connection open.
      this.end().catch(() => undefined);
      throw OPTIONS_REFUSED.test((error as Error).message) ? new PoolerInFront({ cause: error }) : error;
    }
  }
}

/**
 * Connects to the database of a URL: to the first of its servers that accepts the connection and changes.
 *
 *     const client = await connect(url, { name: 'glimpse migrate', statementTimeout: 0 });
 *     await client.query('BEGIN');
 *
 * Times are in UTC on it, isolation is `read committed`, and `search_path` is the URL's `?schema=`, if it has one,
 * whatever the server, database and role are set to.
 *
 * @param config what else pg is to know, such as a `stream`, which has to be a socket
 * @throws {BadDatabaseUrl} {NotPrimary} {SessionRefused}; and what pg throws
 */
export async function connect(
  url: string,
  session: SessionOptions,
  config: pg.ClientConfig = {},
): Promise<pg.Client> {
  const connections = new Connections(url, session);
  for (let left = connections.count; ;) {
    const client = new SessionClient({ ...config, connections });
    try {
      return await client.connect();
    } catch (error) {
      if (--left === 0 || !connections.after(client.server, error)) throw error;
    }
  }
}
