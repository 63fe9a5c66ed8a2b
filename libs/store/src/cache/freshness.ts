import { setTimeout as sleep } from 'node:timers/promises';
import { CatalogueUnavailable } from '@glimpse/domain';
import type { ListeningSession } from './change-notifications.js';

/**
 * The maximum age of a cached read without confirmation from the notification connection: bounds staleness where
 * that connection died silently, or the process was suspended.
 */
export const MAX_UNCONFIRMED_AGE_MS = 2_000;

/** How long a read waits for an unresponsive database before it is answered from a stale copy. */
const SILENT_DATABASE_WAIT_MS = 500;

/** When a query was sent. */
export interface Sent {
  /** Milliseconds of the notifications' clock. */
  readonly sentAt: number;
  /** The listening session at that time. */
  readonly session: ListeningSession | undefined;
}

/** The session in which cached reads are fresh now; undefined: none is. */
export function confirmedSession(
  session: ListeningSession | undefined,
  now: number,
): ListeningSession | undefined {
  return session && now - session.confirmedAt <= MAX_UNCONFIRMED_AGE_MS ? session : undefined;
}

/** Seconds since the result of a query was last known to be current. */
export function ageOf({ sentAt, session }: Sent, now: number): number {
  return (now - Math.max(sentAt, session?.confirmedAt ?? 0)) / 1000;
}

/**
 * Waits for a read from a database that may be unresponsive, but not long.
 *
 * @throws {CatalogueUnavailable} there is no result yet
 */
export function waitBriefly<T>(read: Promise<T>): Promise<T> {
  const silence = sleep(SILENT_DATABASE_WAIT_MS, undefined, { ref: false });
  return Promise.race([
    read,
    silence.then(() => {
      throw new CatalogueUnavailable();
    }),
  ]);
}
