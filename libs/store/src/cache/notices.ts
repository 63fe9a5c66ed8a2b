import { randomBytes } from 'node:crypto';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Look } from '@glimpse/domain';
import type pg from 'pg';
import { connect } from '../connection/connections.js';
import { NotPrimary, PoolerInFront, type Pooler } from '../connection/session.js';
import { LOOK } from '../mirror/statements.js';

/** The channel on which the triggers of the migration `notices` tell which images were touched. */
const CHANNEL = 'glimpse_images';
/** The triggers there are. */
const TRIGGERS = 7;

/** Milliseconds from one heartbeat to the next. */
const HEARTBEAT = 1_000;
/** Milliseconds within which the listening connection has to answer whatever it is asked. */
const DEADLINE = 1_000;
/** Milliseconds by which the wait before the next attempt to connect grows, and where that ends. */
const BACKOFF = { step: 100, most: 500 };

/** The images that a notice is about, by id. */
export type Touched = readonly string[] | 'all';

/** A time during which notices are heard without a gap: that of one listening connection. */
export interface Session {
  /** When the heartbeat was sent that was the last to be answered; milliseconds of a monotonic clock. */
  readonly confirmedAt: number;
}

/** Tells which images were touched, by whomever. */
export interface NoticeSource {
  /** The session that goes on; undefined while nothing is heard. */
  readonly session: Session | undefined;
  subscribe(listener: (touched: Touched) => void): void;
}

/** What becomes of the listening connection. */
export interface NoticesObserver {
  /** Notices are heard from now on. */
  onHeard(): void;
  /**
   * All that was committed when a heartbeat was sent has been heard.
   *
   * @param lag milliseconds from sending it to its answer, which comes behind the notices
   * @param look the last one at the source, where the catalogue mirrors one
   */
  onCaughtUp(lag: number, look: Look): void;
  /** They are not, and why; said once, until they are heard again. */
  onLost(error: unknown): void;
}

const POOLED = 'there is a pooler in front, which passes no notices on';

/** Notices cannot be heard on a connection. */
export class CannotHearNotices extends Error {
  readonly code = 'cannot-hear-notices';
}

/**
 * Hears the database's notices on a connection of its own, and asks that one every second whether it is still
 * there: a connection that is half open says nothing, which is just what one says on which nothing happens.
 */
export class Notices implements NoticeSource {
  #session: { confirmedAt: number } | undefined;
  #lost = false;
  #pooled = false;
  #queueUsage = 0;
  readonly #listeners: ((touched: Touched) => void)[] = [];

  /**
   * @param url a direct connection to the primary: a pooler passes no notices on, and a standby has none
   * @param pool where changes are made: what is sent there has to be heard here
   * @param pooler what stands in front of `url`; one for sessions passes notices on
   * @param now milliseconds of a monotonic clock
   */
  constructor(
    private readonly url: string,
    private readonly pool: pg.Pool,
    private readonly observer: NoticesObserver,
    private readonly pooler: Pooler | undefined = undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get session(): Session | undefined {
    return this.#session;
  }

  /** How much of the server's queue of notices was full at the last heartbeat, 0 to 1. */
  get queueUsage(): number {
    return this.#queueUsage;
  }

  subscribe(listener: (touched: Touched) => void): void {
    this.#listeners.push(listener);
  }

  /** Listens until told to stop, on a new connection whenever one is lost. */
  async listen(stop: AbortSignal): Promise<void> {
    let failures = 0;
    while (!stop.aborted) {
      try {
        await this.#hear(stop, () => (failures = 0));
      } catch (error) {
        // A wrong setting is reported even where the first attempts met an outage.
        const pooled = error instanceof CannotHearNotices && error.message === POOLED;
        if ((!this.#lost || (pooled && !this.#pooled)) && !stop.aborted) this.observer.onLost(error);
        this.#lost = true;
        this.#pooled ||= pooled;
      }
      const wait = Math.min(++failures * BACKOFF.step, BACKOFF.most);
      await sleep(wait, undefined, { signal: stop }).catch(() => undefined);
    }
  }

  /** Listens on one connection for as long as it answers. */
  async #hear(stop: AbortSignal, onHeard: () => void): Promise<never> {
    let socket: Socket | undefined;
    let client: pg.Client | undefined;
    const over = new AbortController();
    const signal = AbortSignal.any([stop, over.signal]);
    try {
      client = await this.#connect(() => (socket = new Socket()));
      client.on('error', (error) => over.abort(error));
      client.on('end', () => over.abort(new CannotHearNotices('the connection ended')));
      client.on('notification', ({ channel, payload = '' }) => {
        if (channel !== CHANNEL) return;
        const touched = payload === '*' ? 'all' : payload.split(',');
        for (const tell of this.#listeners) tell(touched);
      });
      await inTime(refuseUnlessNotified(client, this.pooler));
      await refuseAnotherDatabase(client, this.pool);
      let sentAt = this.now();
      await inTime(client.query(`LISTEN ${CHANNEL}`));
      const session = (this.#session = { confirmedAt: sentAt });
      this.#lost = false;
      this.observer.onHeard();
      onHeard();
      for (;;) {
        const rest = Math.max(0, sentAt + HEARTBEAT - this.now());
        await sleep(rest, undefined, { signal });
        sentAt = this.now();
        const { usage, look } = await inTime(heartbeat(client));
        this.#queueUsage = usage;
        // The notices of all that was committed before came before this answer, in the same stream.
        session.confirmedAt = sentAt;
        this.observer.onCaughtUp(this.now() - sentAt, look);
      }
    } catch (error) {
      throw over.signal.aborted ? over.signal.reason : error;
    } finally {
      this.#session = undefined;
      if (stop.aborted) {
        socket?.unref();
        client?.end().catch(() => undefined);
      } else {
        // `client.end()` would wait for a peer that is not there.
        socket?.destroy();
      }
    }
  }

  async #connect(stream: () => Socket): Promise<pg.Client> {
    const session = { name: 'glimpse notices', statementTimeout: 0, pooler: this.pooler };
    try {
      return await connect(this.url, session, { stream, connectionTimeoutMillis: DEADLINE });
    } catch (error) {
      if (error instanceof NotPrimary) {
        throw new CannotHearNotices('the database is a standby, and only the primary notifies');
      }
      if (error instanceof PoolerInFront) throw new CannotHearNotices(POOLED);
      throw error;
    }
  }
}

/**
 * Whether the connection is one on which all that happens is heard. A pooler shows by the process id: the one
 * that it gave the client is not the one that answers.
 */
async function refuseUnlessNotified(
  client: pg.Client & { processID?: number | null },
  pooler: Pooler | undefined,
): Promise<void> {
  const { rows } = await client.query<{ pid: number; triggers: number }>(
    `SELECT pg_backend_pid() AS pid, (
       SELECT count(*)::int FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
       WHERE tgrelid IN (to_regclass('images'), to_regclass('members')) AND tgenabled IN ('O', 'A')
         AND proname IN ('notify_of_changed_images', 'notify_of_changed_members')) AS triggers`,
  );
  const { pid, triggers } = rows[0]!;
  if (pid !== client.processID && pooler !== 'session') {
    throw new CannotHearNotices(POOLED);
  }
  if (triggers !== TRIGGERS) throw new CannotHearNotices('the database lacks the triggers that notify');
}

/**
 * Whether changes are heard on the connection: a notice is sent where they are made, and waited for. Nothing that
 * one could read and compare tells a server from its copy that was promoted.
 */
async function refuseAnotherDatabase(client: pg.Client, pool: pg.Pool): Promise<void> {
  const channel = `glimpse_proof_${randomBytes(8).toString('hex')}`;
  const heard = new Promise<void>((resolve) => {
    client.on('notification', (notice) => {
      if (notice.channel === channel) resolve();
    });
  });
  await inTime(client.query(`LISTEN ${channel}`));
  await pool.query(`NOTIFY ${channel}`);
  await inTime(heard, 'the listening connection leads to another database than changes are made in');
  await inTime(client.query(`UNLISTEN ${channel}`));
}

async function heartbeat(client: pg.Client): Promise<{ usage: number; look: Look }> {
  const { rows } = await client.query<Look & { usage: number }>(
    `SELECT pg_notification_queue_usage() AS usage, look.* FROM (${LOOK}) AS look`,
  );
  const { usage, ...look } = rows[0]!;
  return { usage, look };
}

/**
 * Waits for an answer until the deadline. One that has arrived by then counts, also when this process stood
 * still and reads it only now.
 */
async function inTime<T>(
  answer: Promise<T>,
  otherwise = `the listening connection did not answer within ${DEADLINE} ms`,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new CannotHearNotices(otherwise));
    // Timers go before what has arrived; setImmediate goes after it.
    timer = setTimeout(() => setImmediate(fail), DEADLINE);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
