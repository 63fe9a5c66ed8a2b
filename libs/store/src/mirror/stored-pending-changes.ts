import type {
  FetchedImage,
  PendingChange,
  PendingChanges,
  PendingState,
  SyncStatus,
  Ticket,
} from '@glimpse/domain';
import type pg from 'pg';
import type { Database } from '../connection/database.js';
import { refusalIn } from '../connection/refusal.js';
import { orUnavailable, type Availability } from '../connection/unavailable.js';
import { documentOf } from '../images/image-columns.js';
import { membersDocumentOf } from '../images/import.js';
import {
  ALL_PENDING,
  BEAT,
  FORGET,
  GIVE_UP,
  NOTE,
  RELEASE_CHANGE,
  SETTLE_REMOVED,
  TAKE_OVER,
  WATCH,
} from './pending-statements.js';
import { APPLY, APPLY_MEMBERS, LOCK_MIRRORED } from './statements.js';

/** A pending change as its row has it: a bigint is text. */
type PendingRow = Omit<PendingChange, 'change'> & { readonly change: string };

/** The status of a mirror as its statement reads it. */
export type SyncStatusRow = Omit<SyncStatus, 'pending'> & { readonly pending: readonly PendingRow[] };

/** The status of a mirror out of a row of `SYNC_STATUS`. */
export function syncStatusOf({ pending, ...status }: SyncStatusRow): SyncStatus {
  return { ...status, pending: pending.map(pendingOf) };
}

function pendingOf({ change, ...rest }: PendingRow): PendingChange {
  return { ...rest, change: BigInt(change) };
}

/** The pending changes of a mirror in PostgreSQL. */
export class StoredPendingChanges implements PendingChanges {
  constructor(
    private readonly database: Database,
    private readonly availability: Availability = {},
  ) {}

  async note(ids: readonly string[]): Promise<bigint> {
    const [row] = await this.#query<{ ticket: string }>(NOTE, [ids]);
    return BigInt(row!.ticket);
  }

  async beat(changes: readonly bigint[]): Promise<void> {
    await this.#query(BEAT, [changes]);
  }

  async release(
    change: bigint | undefined,
    imageId: string,
    state: Extract<PendingState, 'answered' | 'lost'>,
  ): Promise<void> {
    await this.#query(RELEASE_CHANGE, [change ?? null, imageId, state]);
  }

  async takeOver({ change, imageId, beat }: PendingChange): Promise<void> {
    await this.#query(TAKE_OVER, [change, imageId, beat]);
  }

  async watch(change: bigint, imageId: string): Promise<void> {
    await this.#query(WATCH, [change, imageId]);
  }

  async forget(change: bigint, imageIds: readonly string[]): Promise<void> {
    await this.#query(FORGET, [change, imageIds]);
  }

  async settle(
    change: bigint | undefined,
    { image, ticket, members }: FetchedImage,
  ): Promise<string | undefined> {
    try {
      await this.#settle(change, image.id, async (client) => {
        await client.query(APPLY, [null, ticket.number, JSON.stringify([documentOf(image)]), null]);
        if (!members) return;
        await client.query(LOCK_MIRRORED, [[image.id]]);
        const document = JSON.stringify([membersDocumentOf(members.read)]);
        await client.query(APPLY_MEMBERS, [null, members.ticket.number, document, null]);
      });
      return undefined;
    } catch (error) {
      return refusalIn(error);
    }
  }

  async settleRemoved(change: bigint | undefined, imageId: string, { number }: Ticket): Promise<void> {
    await this.#settle(change, imageId, (client) => client.query(SETTLE_REMOVED, [number, imageId]));
  }

  async all(): Promise<readonly PendingChange[]> {
    return (await this.#query<PendingRow>(ALL_PENDING)).map(pendingOf);
  }

  async giveUp(before: Date): Promise<number> {
    return (await this.#query(GIVE_UP, [before])).length;
  }

  #settle(
    change: bigint | undefined,
    imageId: string,
    write: (client: pg.PoolClient) => Promise<unknown>,
  ): Promise<void> {
    return orUnavailable(
      () =>
        this.database.transaction(async (client) => {
          await write(client);
          if (change !== undefined) await client.query(FORGET, [change, [imageId]]);
        }),
      this.availability,
    );
  }

  #query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return orUnavailable(() => this.database.write<Row>({ text, values }), this.availability);
  }
}
