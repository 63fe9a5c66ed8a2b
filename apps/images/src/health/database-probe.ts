import { setTimeout as sleep } from 'node:timers/promises';
import { isQueueTimeout, missingMigrations, type Database } from '@glimpse/store';
import { SharedCall } from '../telemetry/shared-call.js';
import type { Telemetry } from '../telemetry/telemetry.js';

/** Time between two checks of a database that is unavailable or lacks the schema. */
const CHECK_INTERVAL_MS = 500;

/** The pause between two queries of probes. */
const PROBE_REST_MS = 100;

/** The state of the database: whether its schema was ever seen, and whether it is available. */
export class DatabaseProbe {
  #schemaSeen = false;
  #available = true;
  #missing = '';
  #resolveReady!: () => void;

  /** Settled once the schema was seen. */
  readonly ready = new Promise<void>((resolve) => (this.#resolveReady = resolve));

  readonly #checks = new SharedCall(() => this.#check(), PROBE_REST_MS);

  constructor(
    private readonly database: Database,
    private readonly telemetry: Telemetry,
  ) {}

  /** Whether the schema was ever seen; a later outage does not change that. */
  get schemaSeen(): boolean {
    return this.#schemaSeen;
  }

  /** Whether the last query succeeded. */
  get available(): boolean {
    return this.#available;
  }

  /** Checks for the schema, and for the end of an outage, until the signal to stop. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.#schemaSeen) await this.#checkSchema();
      else if (!this.#available) await this.responds();
      await sleep(CHECK_INTERVAL_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  async #checkSchema(): Promise<void> {
    const missing = await this.#query(() => missingMigrations(this.database.pool));
    if (missing === undefined) return;
    if (missing.length === 0) {
      this.#schemaSeen = true;
      this.#resolveReady();
      this.telemetry.observe('schema-seen', {});
    } else if (missing.join() !== this.#missing) {
      this.#missing = missing.join();
      this.telemetry.observe('schema-behind', { missing });
    }
  }

  /** Whether the database responds now: one query is shared by all requests that check at once. */
  responds(): Promise<boolean> {
    return this.#checks.call();
  }

  async #check(): Promise<boolean> {
    const { pool } = this.database;
    const queues = pool.idleCount === 0 && pool.totalCount >= pool.options.max;
    return (await this.#query(() => pool.query('SELECT 1'))) !== undefined || (queues && this.#available);
  }

  async #query<T>(query: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await query();
      if (!this.#available) this.telemetry.observe('database-available', {});
      this.#available = true;
      return result;
    } catch (error) {
      this.lost(error);
      return undefined;
    }
  }

  /** Records an error of the database; an outage is logged once. */
  lost(error: unknown): void {
    // All connections of the pool were in use; the database itself may be healthy.
    if (isQueueTimeout(error)) return;
    if (this.#available) this.telemetry.observe('database-unavailable', { error });
    this.#available = false;
  }
}
