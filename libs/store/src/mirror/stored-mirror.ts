import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CatalogueUnavailable,
  LeaseLost,
  type FollowedMirror,
  type Image,
  type Lease,
  type MembersDue,
  type MembersStanding,
  type Progress,
  type SourceImage,
  type SourceMembers,
  type SourcePlace,
  type SyncStatus,
  type Taken,
  type Ticket,
  type Walk,
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
  BEGIN_CHANGE,
  CHANGE_LEASE,
  COUNT,
  COUNT_UNNAMED_SINCE,
  DRAW,
  END_CHANGE,
  HAS_OTHERS,
  IDS_IN_ORDER,
  LOCK,
  MEMBERS_DUE,
  MEMBERS_STANDING,
  PROGRESS,
  RELEASE,
  REMOVE,
  RENEW,
  SYNC_STATUS,
  TAKE,
  TAKE_MEMBERS,
  UNNAMED_SINCE,
} from './statements.js';

const LEAST_ID = '00000000-0000-0000-0000-000000000000';

/** Milliseconds from one attempt to begin a change to the next. */
const ATTEMPT = 40;
/** Milliseconds before the end of a change's lease at which the change has to be over. */
const MARGIN = 1_000;

/** What a statement wrote, if its lease held. */
interface Written {
  readonly held: boolean;
  readonly changed: readonly string[];
}

/** The mirror of a source as it stands in PostgreSQL. */
export class StoredMirror implements FollowedMirror {
  constructor(
    private readonly database: Database,
    private readonly availability: Availability = {},
  ) {}

  async draw(): Promise<Ticket> {
    const [row] = await this.#query<{ number: string; drawnAt: Date }>(DRAW);
    return { number: BigInt(row!.number), drawnAt: row!.drawnAt };
  }

  async lastLook(): Promise<SyncStatus> {
    return (await this.#query<SyncStatus>(SYNC_STATUS))[0]!;
  }

  async take(images: readonly SourceImage[], ticket: Ticket, lease?: Lease): Promise<Taken> {
    if (images.length === 0) return { added: [], changed: [], refused: [] };
    try {
      const batch = JSON.stringify(images.map(documentOf));
      const { added, changed } = await this.#write<Written & Taken>(TAKE, lease, [ticket.number, batch]);
      return { added, changed, refused: [] };
    } catch (error) {
      const reason = refusalIn(error);
      if (images.length === 1) return { added: [], changed: [], refused: [{ id: images[0]!.id, reason }] };
    }
    // One of them fails the statement of all: halves find it with few statements.
    const middle = Math.ceil(images.length / 2);
    const first = await this.take(images.slice(0, middle), ticket, lease);
    const second = await this.take(images.slice(middle), ticket, lease);
    return {
      added: [...first.added, ...second.added],
      changed: [...first.changed, ...second.changed],
      refused: [...first.refused, ...second.refused],
    };
  }

  async takeMembers(
    members: readonly SourceMembers[],
    { number }: Ticket,
    lease?: Lease,
  ): Promise<readonly string[]> {
    if (members.length === 0) return [];
    const ids = members.map(({ imageId }) => imageId);
    const batch = JSON.stringify(members.map(membersDocumentOf));
    const row = await orUnavailable(
      () =>
        this.database.transaction(async (client) => {
          await client.query(LOCK, [ids]);
          const { rows } = await client.query<Written>(TAKE_MEMBERS, [lease?.number ?? null, number, batch]);
          return rows[0]!;
        }),
      this.availability,
    );
    return requireHeld(row).changed;
  }

  async remove(ids: readonly string[], { number }: Ticket, lease?: Lease): Promise<readonly string[]> {
    return (await this.#write(REMOVE, lease, [number, ids])).changed;
  }

  async changeAlone<T>(id: string, change: (end: AbortSignal) => Promise<T>): Promise<T> {
    const holder = randomUUID();
    const patience = performance.now() + CHANGE_LEASE * 1000;
    while ((await this.#query(BEGIN_CHANGE, [id, holder])).length === 0) {
      if (performance.now() > patience) throw new CatalogueUnavailable();
      await sleep(ATTEMPT * (0.5 + Math.random()));
    }
    try {
      return await change(AbortSignal.timeout(CHANGE_LEASE * 1000 - MARGIN));
    } finally {
      // Where it fails, the lease ends by itself.
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
    const [row] = await this.#query<Omit<Progress, 'walk'> & { walk: StoredWalk | null }>(PROGRESS);
    return { ...row!, walk: row!.walk && walkOf(row!.walk) };
  }

  async advance(progress: Partial<Omit<Progress, 'holder'>>, { number }: Lease): Promise<void> {
    const { walk } = progress;
    const changes = walk ? { ...progress, walk: { ...walk, ticket: String(walk.ticket) } } : progress;
    if ((await this.#query(ADVANCE, [number, JSON.stringify(changes)])).length === 0) throw new LeaseLost();
  }

  async acceptRemovals(): Promise<void> {
    await this.#query(ACCEPT_REMOVALS);
  }

  async hasOthers(): Promise<boolean> {
    return (await this.#query<{ others: boolean }>(HAS_OTHERS))[0]!.others;
  }

  async membersStanding(): Promise<MembersStanding> {
    return (await this.#query<MembersStanding>(MEMBERS_STANDING))[0]!;
  }

  async page(hidden: boolean, limit: number, after?: SourcePlace): Promise<readonly Image[]> {
    const values = [hidden, after?.createdAt ?? '-infinity', after?.id ?? LEAST_ID, limit];
    const ids = (await this.#query<{ id: string }>(IDS_IN_ORDER, values)).map(({ id }) => id);
    const rows = await orUnavailable(
      () => this.database.prisma.image.findMany({ where: { id: { in: ids } }, include: { members: true } }),
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

/** As JSON holds it. */
interface StoredWalk {
  readonly ticket: string;
  readonly hidden: boolean;
  readonly after: { readonly createdAt: string; readonly id: string } | null;
}

function walkOf({ ticket, hidden, after }: StoredWalk): Walk {
  return {
    ticket: BigInt(ticket),
    hidden,
    after: after && { createdAt: new Date(after.createdAt), id: after.id },
  };
}
