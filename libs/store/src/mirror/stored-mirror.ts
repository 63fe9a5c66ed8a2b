import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CatalogueUnavailable,
  LeaseLost,
  type FollowedMirror,
  type Image,
  type Lease,
  type MembersDue,
  type MembersStaleness,
  type Progress,
  type SourceFacts,
  type SourceImage,
  type SourceMembers,
  type SourcePlace,
  type SyncStatus,
  type ApplyResult,
  type Ticket,
  type FullSync,
} from '@glimpse/domain';
import type { Database } from '../connection/database.js';
import { documentOf, imageOf } from '../images/image-columns.js';
import { membersDocumentOf } from '../images/import.js';
import { refusalIn } from '../connection/refusal.js';
import { orUnavailable, type Availability } from '../connection/unavailable.js';
import {
  ACCEPT_REMOVALS,
  ACQUIRE,
  ADVANCE,
  APPLY,
  APPLY_FACT,
  APPLY_MEMBERS,
  BEGIN_CHANGE,
  CHANGE_LEASE_S,
  COUNT,
  COUNT_UNNAMED_SINCE,
  DRAW,
  END_CHANGE,
  FACTS,
  HAS_OWN_IMAGES,
  IDS_IN_ORDER,
  LOCK_MIRRORED,
  MEMBERS_DUE,
  MEMBERS_STALENESS,
  PROGRESS,
  RELEASE,
  REMOVE,
  RENEW,
  SHOWN_ID,
  SYNC_STATUS,
  UNNAMED_SINCE,
  WITHOUT_MEMBER_TIMES,
} from './statements.js';
import { syncStatusOf, type SyncStatusRow } from './stored-pending-changes.js';

const LEAST_ID = '00000000-0000-0000-0000-000000000000';

const LEASE_RETRY_INTERVAL_MS = 40;
/** How long before the end of its lease a change is aborted. */
const LEASE_MARGIN_MS = 1_000;

/** What a statement wrote, if its lease held. */
interface Written {
  readonly held: boolean;
  readonly changed: readonly string[];
}

/** The mirror of a source in PostgreSQL. */
export class StoredMirror implements FollowedMirror {
  constructor(
    private readonly database: Database,
    private readonly availability: Availability = {},
  ) {}

  async draw(): Promise<Ticket> {
    const [row] = await this.#query<{ number: string; drawnAt: Date }>(DRAW);
    return { number: BigInt(row!.number), drawnAt: row!.drawnAt };
  }

  async syncStatus(): Promise<SyncStatus> {
    return syncStatusOf((await this.#query<SyncStatusRow>(SYNC_STATUS))[0]!);
  }

  async facts(): Promise<SourceFacts> {
    const rows = await this.#query<{ name: string; value: unknown }>(FACTS);
    return new Map(rows.map(({ name, value }) => [name, value]));
  }

  async applyFact(name: string, value: unknown, { number }: Ticket): Promise<void> {
    await this.#query(APPLY_FACT, [name, JSON.stringify(value), number]);
  }

  async shownId(id: string): Promise<string | undefined> {
    return (await this.#query<{ id: string }>(SHOWN_ID, [id]))[0]?.id;
  }

  async apply(images: readonly SourceImage[], ticket: Ticket, lease?: Lease): Promise<ApplyResult> {
    if (images.length === 0) return { added: [], changed: [], refused: [] };
    try {
      const batch = JSON.stringify(images.map(documentOf));
      const values = [ticket.number, batch, ticket.drawnAt];
      const { added, changed } = await this.#write<Written & ApplyResult>(APPLY, lease, values);
      return { added, changed, refused: [] };
    } catch (error) {
      const reason = refusalIn(error);
      if (images.length === 1) return { added: [], changed: [], refused: [{ id: images[0]!.id, reason }] };
    }
    // One image makes the statement fail for all: halving the batch finds it with few statements.
    const middle = Math.ceil(images.length / 2);
    const first = await this.apply(images.slice(0, middle), ticket, lease);
    const second = await this.apply(images.slice(middle), ticket, lease);
    return {
      added: [...first.added, ...second.added],
      changed: [...first.changed, ...second.changed],
      refused: [...first.refused, ...second.refused],
    };
  }

  async applyMembers(
    members: readonly SourceMembers[],
    { number, drawnAt }: Ticket,
    lease?: Lease,
  ): Promise<readonly string[]> {
    if (members.length === 0) return [];
    const ids = members.map(({ imageId }) => imageId);
    const batch = JSON.stringify(members.map(membersDocumentOf));
    const row = await orUnavailable(
      () =>
        this.database.transaction(async (client) => {
          await client.query(LOCK_MIRRORED, [ids]);
          const values = [lease?.number ?? null, number, batch, drawnAt];
          const { rows } = await client.query<Written>(APPLY_MEMBERS, values);
          return rows[0]!;
        }),
      this.availability,
    );
    return requireHeld(row).changed;
  }

  async remove(ids: readonly string[], ticket: Ticket, lease?: Lease): Promise<readonly string[]> {
    return (await this.#write(REMOVE, lease, [ticket.number, ids, ticket.drawnAt])).changed;
  }

  async withChangeLease<T>(id: string, change: (end: AbortSignal) => Promise<T>): Promise<T> {
    const holder = randomUUID();
    const deadline = performance.now() + CHANGE_LEASE_S * 1000;
    while ((await this.#query(BEGIN_CHANGE, [id, holder])).length === 0) {
      if (performance.now() > deadline) throw new CatalogueUnavailable();
      await sleep(LEASE_RETRY_INTERVAL_MS * (0.5 + Math.random()));
    }
    try {
      return await change(AbortSignal.timeout(CHANGE_LEASE_S * 1000 - LEASE_MARGIN_MS));
    } finally {
      // If this fails, the lease expires.
      await this.#query(END_CHANGE, [id, holder]).catch(() => undefined);
    }
  }

  async acquire(holder: string): Promise<Lease | undefined> {
    const [row] = await this.#query<{ number: string }>(ACQUIRE, [holder]);
    return row && { number: BigInt(row.number) };
  }

  async renew({ number }: Lease): Promise<void> {
    if ((await this.#query(RENEW, [number])).length === 0) throw new LeaseLost();
  }

  async release({ number }: Lease): Promise<void> {
    await this.#query(RELEASE, [number]);
  }

  async progress(): Promise<Progress> {
    const [row] = await this.#query<Omit<Progress, 'fullSync'> & { fullSync: StoredFullSync | null }>(
      PROGRESS,
    );
    return { ...row!, fullSync: row!.fullSync && fullSyncOf(row!.fullSync) };
  }

  async advance(progress: Partial<Omit<Progress, 'holder'>>, { number }: Lease): Promise<void> {
    const { fullSync } = progress;
    const changes = fullSync
      ? { ...progress, fullSync: { ...fullSync, ticket: String(fullSync.ticket) } }
      : progress;
    if ((await this.#query(ADVANCE, [number, JSON.stringify(changes)])).length === 0) throw new LeaseLost();
  }

  async acceptRemovals(): Promise<void> {
    await this.#query(ACCEPT_REMOVALS);
  }

  async hasOwnImages(): Promise<boolean> {
    return (await this.#query<{ hasOwnImages: boolean }>(HAS_OWN_IMAGES))[0]!.hasOwnImages;
  }

  async membersStaleness(): Promise<MembersStaleness> {
    return (await this.#query<MembersStaleness>(MEMBERS_STALENESS))[0]!;
  }

  async page(hidden: boolean, limit: number, after?: SourcePlace): Promise<readonly Image[]> {
    const values = [hidden, after?.createdAt ?? '-infinity', after?.id ?? LEAST_ID, limit];
    const ids = (await this.#query<{ id: string }>(IDS_IN_ORDER, values)).map(({ id }) => id);
    const prisma = await this.database.prisma();
    const rows = await orUnavailable(
      () => prisma.image.findMany({ where: { id: { in: ids } }, include: { members: true } }),
      this.availability,
    );
    const images = new Map(rows.map((row) => [row.id, imageOf(row)]));
    return ids.flatMap((id) => images.get(id) ?? []);
  }

  async count(): Promise<number> {
    return (await this.#query<{ count: number }>(COUNT))[0]!.count;
  }

  async unnamedSince(ticket: bigint, limit: number, after?: string): Promise<readonly string[]> {
    return (await this.#query<{ id: string }>(UNNAMED_SINCE, [ticket, after ?? LEAST_ID, limit])).map(
      ({ id }) => id,
    );
  }

  async countUnnamedSince(ticket: bigint): Promise<number> {
    return (await this.#query<{ count: number }>(COUNT_UNNAMED_SINCE, [ticket]))[0]!.count;
  }

  async withoutMemberTimes(ids: readonly string[]): Promise<readonly string[]> {
    return (await this.#query<{ id: string }>(WITHOUT_MEMBER_TIMES, [ids])).map(({ id }) => id);
  }

  async membersDue({ kind, age, limit }: MembersDue): Promise<readonly string[]> {
    const values = [kind === 'some', kind !== 'unread', age, limit];
    return (await this.#query<{ id: string }>(MEMBERS_DUE, values)).map(({ id }) => id);
  }

  async #write<Row extends Written = Written>(
    text: string,
    lease: Lease | undefined,
    values: readonly unknown[],
  ): Promise<Row> {
    const [row] = await this.#query<Row>(text, [lease?.number ?? null, ...values]);
    return requireHeld(row!);
  }

  async #query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return orUnavailable(() => this.database.write<Row>({ text, values }), this.availability);
  }
}

/** @throws {LeaseLost} */
function requireHeld<Row extends Written>(row: Row): Row {
  if (!row.held) throw new LeaseLost();
  return row;
}

/** A full sync as its column holds it, in JSON. */
interface StoredFullSync {
  readonly ticket: string;
  readonly beganAt?: string | null;
  readonly hidden: boolean;
  readonly after: { readonly createdAt: string; readonly id: string } | null;
}

function fullSyncOf({ ticket, beganAt, hidden, after }: StoredFullSync): FullSync {
  return {
    ticket: BigInt(ticket),
    beganAt: beganAt ? new Date(beganAt) : null,
    hidden,
    after: after && { createdAt: new Date(after.createdAt), id: after.id },
  };
}
