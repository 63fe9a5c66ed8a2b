import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { connect } from '../connection/connections.js';
import type { ChangedAudience } from './audience-generations.js';
import { NotPrimary, PoolerInFront, type Pooler } from '../connection/session.js';

/** The channel on which the triggers of the migration `notices` send the ids of changed images. */
const IMAGES_CHANNEL = 'glimpse_images';
/** The channel on which those of `list_audiences` send whose lists have changed. */
const AUDIENCES_CHANNEL = 'glimpse_audiences';
const TRIGGER_COUNT = 7 + 8;

const HEARTBEAT_INTERVAL_MS = 1_000;
/** The time limit of a response on the listening connection. */
const RESPONSE_TIMEOUT_MS = 1_000;
/** By how much the wait before the next attempt to connect grows, and its maximum. */
const BACKOFF_STEP_MS = 100;
const MAX_BACKOFF_MS = 500;

/** The ids of images that have changed. */
export type ChangedIds = readonly string[] | 'all';

/** A time during which notifications are received without a gap: that of one listening connection. */
export interface ListeningSession {
  /** When the last heartbeat that was answered was sent; milliseconds of a monotonic clock. */
  readonly confirmedAt: number;
}

/** Notifies of changed images, on whichever replica they were changed. */
export interface NotificationSource {
  /** The current session; undefined while no notifications are received. */
  readonly session: ListeningSession | undefined;
  subscribe(listener: (changed: ChangedIds) => void): void;
  /** The same for lists: a listener receives whose lists have changed. */
  subscribeToAudiences(listener: (changed: ChangedAudience) => void): void;
}

/** Observes the listening connection. */
export interface NotificationsObserver {
  /** Notifications are received from now on. */
  onListening(): void;
  /**
   * The notifications of all that was committed when a heartbeat was sent have been received.
   *
   * @param lagMs milliseconds from sending it to its response, which comes behind the notifications
   * @param row the row of the heartbeat query; without one it is empty
   */
  onCaughtUp(lagMs: number, row: object): void;
  /** They are not received any more, and why; reported once, until they are again. */
  onLost(error: unknown): void;
}

export interface NotificationsOptions {
  /** A direct connection to the primary: a pooler does not forward notifications, and a standby has none. */
  readonly url: string;
  /** Where changes are made: a notification that is sent there has to be received here. */
  readonly pool: pg.Pool;
  readonly observer: NotificationsObserver;
  /** The pooler in front of `url`; one for sessions forwards notifications. */
  readonly pooler?: Pooler | undefined;
  /** A query of one row that each heartbeat runs as well. */
  readonly heartbeatQuery?: string | undefined;
  /** A channel whose notifications run a heartbeat at once: the row of its query has changed. */
  readonly heartbeatChannel?: string | undefined;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

const POOLED = 'there is a pooler in front, which does not forward notifications';

/** A connection does not receive notifications. */
export class NotificationsUnavailable extends Error {
  readonly code = 'notifications-unavailable';
}

/**
 * Receives the database's notifications on a connection of its own. A heartbeat checks that connection every second:
 * a half-open one is as silent as one without changes.
 */
export class ChangeNotifications implements NotificationSource {
  #session: { confirmedAt: number } | undefined;
  #lost = false;
  #pooled = false;
  #queueUsage = 0;
  readonly #listeners: ((changed: ChangedIds) => void)[] = [];
  readonly #audienceListeners: ((changed: ChangedAudience) => void)[] = [];
  readonly #now: () => number;

  constructor(private readonly options: NotificationsOptions) {
    this.#now = options.now ?? (() => performance.now());
  }

  get session(): ListeningSession | undefined {
    return this.#session;
  }

  /** How full the server's queue of notifications was at the last heartbeat, 0 to 1. */
  get queueUsage(): number {
    return this.#queueUsage;
  }

  subscribe(listener: (changed: ChangedIds) => void): void {
    this.#listeners.push(listener);
  }

  subscribeToAudiences(listener: (changed: ChangedAudience) => void): void {
    this.#audienceListeners.push(listener);
  }

  /** Listens until stopped, on a new connection whenever one is lost. */
  async listen(stop: AbortSignal): Promise<void> {
    let failures = 0;
    while (!stop.aborted) {
      try {
        await this.#listenOnce(stop, () => (failures = 0));
      } catch (error) {
        // A wrong setting is reported even where the first attempts met an outage.
        const pooled = error instanceof NotificationsUnavailable && error.message === POOLED;
        const isNew = !this.#lost || (pooled && !this.#pooled);
        if (isNew && !stop.aborted) this.options.observer.onLost(error);
        this.#lost = true;
        this.#pooled ||= pooled;
      }
      const wait = Math.min(++failures * BACKOFF_STEP_MS, MAX_BACKOFF_MS);
      await sleep(wait, undefined, { signal: stop }).catch(() => undefined);
    }
  }

  /** Listens on one connection for as long as it responds. */
  async #listenOnce(stop: AbortSignal, onListening: () => void): Promise<never> {
    const { pool, observer, pooler, heartbeatChannel } = this.options;
    let socket: Socket | undefined;
    let client: pg.Client | undefined;
    const over = new AbortController();
    const signal = AbortSignal.any([stop, over.signal]);
    const pause = new Pause();
    try {
      client = await this.#connect(() => (socket = new Socket()));
      client.on('error', (error) => over.abort(error));
      client.on('end', () => over.abort(new NotificationsUnavailable('the connection ended')));
      client.on('notification', ({ channel, payload = '' }) => {
        if (channel === heartbeatChannel) pause.skip();
        else this.#receive(channel, payload);
      });
      await inTime(refuseUnlessNotified(client, pooler));
      await refuseAnotherDatabase(client, pool);
      let sentAt = this.#now();
      await inTime(client.query(`LISTEN ${IMAGES_CHANNEL}; LISTEN ${AUDIENCES_CHANNEL}`));
      if (heartbeatChannel) await inTime(client.query(`LISTEN ${heartbeatChannel}`));
      const session = (this.#session = { confirmedAt: sentAt });
      this.#lost = false;
      observer.onListening();
      onListening();
      for (;;) {
        const rest = Math.max(0, sentAt + HEARTBEAT_INTERVAL_MS - this.#now());
        await pause.of(rest, signal);
        sentAt = this.#now();
        const { usage, row } = await inTime(this.#heartbeat(client));
        this.#queueUsage = usage;
        // The notifications of all that was committed before came before this response, in the same stream.
        session.confirmedAt = sentAt;
        observer.onCaughtUp(this.#now() - sentAt, row);
      }
    } catch (error) {
      throw over.signal.aborted ? over.signal.reason : error;
    } finally {
      this.#session = undefined;
      if (stop.aborted) {
        socket?.unref();
        client?.end().catch(() => undefined);
      } else {
        // `client.end()` would wait for a peer that does not respond any more.
        socket?.destroy();
      }
    }
  }

  #receive(channel: string, payload: string): void {
    if (channel === IMAGES_CHANNEL) {
      const changed = payload === '*' ? 'all' : payload.split(',');
      for (const listener of this.#listeners) listener(changed);
    } else if (channel === AUDIENCES_CHANNEL) {
      const changed = payload === '*' ? 'everyone' : payload.split(',');
      for (const listener of this.#audienceListeners) listener(changed);
    }
  }

  async #connect(stream: () => Socket): Promise<pg.Client> {
    const { url, pooler } = this.options;
    const session = { name: 'glimpse notifications', statementTimeout: 0, pooler };
    try {
      return await connect(url, session, { stream, connectionTimeoutMillis: RESPONSE_TIMEOUT_MS });
    } catch (error) {
      if (error instanceof NotPrimary) {
        throw new NotificationsUnavailable('the database is a standby, and only the primary notifies');
      }
      if (error instanceof PoolerInFront) throw new NotificationsUnavailable(POOLED);
      throw error;
    }
  }

  async #heartbeat(client: pg.Client): Promise<{ usage: number; row: object }> {
    const { heartbeatQuery } = this.options;
    const along = heartbeatQuery === undefined ? '' : `, along.* FROM (${heartbeatQuery}) AS along`;
    const { rows } = await client.query<{ usage: number }>(
      `SELECT pg_notification_queue_usage() AS usage${along}`,
    );
    const { usage, ...row } = rows[0]!;
    return { usage, row };
  }
}

/** The pause between two heartbeats, which can be cut short. */
class Pause {
  #over = new AbortController();

  /** Ends the pause that runs, or else leaves out the next one. */
  skip(): void {
    this.#over.abort();
  }

  /** @throws once the signal aborts */
  async of(milliseconds: number, signal: AbortSignal): Promise<void> {
    const both = AbortSignal.any([signal, this.#over.signal]);
    await sleep(milliseconds, undefined, { signal: both }).catch(() => signal.throwIfAborted());
    this.#over = new AbortController();
  }
}

/**
 * Refuses a connection that does not receive all notifications. A pooler shows by the process id: it
 * gave the client another one than the server process has.
 */
async function refuseUnlessNotified(
  client: pg.Client & { processID?: number | null },
  pooler: Pooler | undefined,
): Promise<void> {
  const { rows } = await client.query<{ pid: number; triggers: number }>(
    `SELECT pg_backend_pid() AS pid, (
       SELECT count(*)::int FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
       WHERE tgrelid IN (to_regclass('images'), to_regclass('members')) AND tgenabled IN ('O', 'A')
         AND proname IN ('notify_of_changed_images', 'notify_of_changed_members',
                         'notify_audiences_of_images', 'notify_audiences_of_members')) AS triggers`,
  );
  const { pid, triggers } = rows[0]!;
  if (pid !== client.processID && pooler !== 'session') {
    throw new NotificationsUnavailable(POOLED);
  }
  if (triggers !== TRIGGER_COUNT)
    throw new NotificationsUnavailable('the database lacks the triggers that notify');
}

/**
 * Refuses a connection that does not receive the notifications of changes: one is sent where changes are made, and
 * has to arrive. Nothing that could be read and compared differs between a server and its promoted copy.
 */
async function refuseAnotherDatabase(client: pg.Client, pool: pg.Pool): Promise<void> {
  const channel = `glimpse_proof_${randomBytes(8).toString('hex')}`;
  const received = new Promise<void>((resolve) => {
    client.on('notification', (notification) => {
      if (notification.channel === channel) resolve();
    });
  });
  await inTime(client.query(`LISTEN ${channel}`));
  await pool.query(`NOTIFY ${channel}`);
  await inTime(received, 'the listening connection leads to another database than changes are made in');
  await inTime(client.query(`UNLISTEN ${channel}`));
}

/**
 * Waits for a response for a limited time. One that arrived in time counts, also if this process was suspended and
 * reads it only now.
 */
async function inTime<T>(
  response: Promise<T>,
  otherwise = `the listening connection did not answer within ${RESPONSE_TIMEOUT_MS} ms`,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new NotificationsUnavailable(otherwise));
    // Timers run before arrived data is read; setImmediate runs after it.
    timer = setTimeout(() => setImmediate(fail), RESPONSE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([response, late]);
  } finally {
    clearTimeout(timer);
  }
}
