import { setTimeout as sleep } from 'node:timers/promises';
import { isQueueTimeout, missingMigrations, type Database } from '@glimpse/store';
import { SharedCall } from '../telemetry/shared-call.js';
import type { Telemetry } from '../telemetry/telemetry.js';

/** How often a database that is away, or lacks the schema, is looked at again, in milliseconds. */
const INTERVAL = 500;

/** Between two queries of probes, in milliseconds. */
const PROBE_REST_MS = 100;

/** What is known of the database: whether its schema was ever seen, and whether it can be asked. */
export class DatabaseProbe {
  #schemaSeen = false;
  #available = true;
  #missing = '';
  #resolveReady!: () => void;

  /** Settled once the schema was seen. */
  readonly ready = new Promise<void>((resolve) => (this.#resolveReady = resolve));

  readonly #answers = new SharedCall(() => this.#probe(), PROBE_REST_MS);

  constructor(
    private readonly database: Database,
    private readonly telemetry: Telemetry,
  ) {}

  /** Whether the schema was ever seen. An outage later does not take that back. */
  get schemaSeen(): boolean {
    return this.#schemaSeen;
  }

  /** Whether it could be asked when it was asked last. */
  get available(): boolean {
    return this.#available;
  }

  /** Looks for what is not known to be there, until told to stop. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.#schemaSeen) await this.#lookForSchema();
      else if (!this.#available) await this.answers();
      await sleep(INTERVAL, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  async #lookForSchema(): Promise<void> {
    const missing = await this.#ask(() => missingMigrations(this.database.pool));
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

  /** Whether the database answers right now: one query for all who want to know. */
  answers(): Promise<boolean> {
    return this.#answers.call();
  }

  async #probe(): Promise<boolean> {
    const { pool } = this.database;
    const queues = pool.idleCount === 0 && pool.totalCount >= pool.options.max;
    return (await this.#ask(() => pool.query('SELECT 1'))) !== undefined || (queues && this.#available);
  }

  async #ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await question();
      if (!this.#available) this.telemetry.observe('database-available', {});
      this.#available = true;
      return answer;
    } catch (error) {
      this.lost(error);
      return undefined;
    }
  }

  /** Hears why the database could not be asked; says so once an outage. */
  lost(error: unknown): void {
    // All connections of the pool were in use, which says nothing about the database.
    if (isQueueTimeout(error)) return;
    if (this.#available) this.telemetry.observe('database-unavailable', { error });
    this.#available = false;
  }
}
