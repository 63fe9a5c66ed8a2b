import type { FollowedMirror, PendingChanges } from '@glimpse/domain';
import type { SyncStatusReader, MirrorObservations } from '@glimpse/mirror';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Observations } from './observations.js';
import type { Telemetry } from './telemetry.js';

type Fetched = MirrorObservations['source-image-fetched'];
type Changes = MirrorObservations['source-changed'];
type Ended = MirrorObservations['source-change-ended'];
type Followed = MirrorObservations['source-followed'];
type LeftOut = MirrorObservations['source-left-out'];
type Passed = Observations['request-passed'];

/** Observations of a mirror that are counted and never logged, and their series, which begin at zero. */
export const COUNTED = {
  'source-image-fetched': {
    name: 'glimpse_source_fetches_total',
    help:
      'On-demand fetches of images that the catalogue lacked, by outcome: found, missing, remembered as missing, ' +
      'refused because too many are running, failed because the source was unavailable.',
    label: 'outcome',
    start: { found: 0, missing: 0, remembered: 0, refused: 0, failed: 0 } satisfies Record<
      Fetched['outcome'],
      0
    >,
    of: ({ outcome }: Fetched) => [outcome, 1] as const,
  },
  'source-changed': {
    name: 'glimpse_source_changes_total',
    help: 'Changes and deletions that were sent to the source, by outcome: done, refused, failed.',
    label: 'outcome',
    start: { done: 0, refused: 0, failed: 0 } satisfies Record<Changes['outcome'], 0>,
    of: ({ outcome }: Changes) => [outcome, 1] as const,
  },
  'source-change-ended': {
    name: 'glimpse_source_changes_shown_total',
    help:
      'Images of changes that passed through, by outcome: shown before the response was sent, left to readers and ' +
      'the follower, lost because there was no response.',
    label: 'outcome',
    start: { shown: 0, left: 0, lost: 0 } satisfies Record<Ended['outcome'], 0>,
    of: ({ outcome }: Ended) => [outcome, 1] as const,
  },
  'source-followed': {
    name: 'glimpse_followed_images_total',
    help: 'Writes of the follower, by kind: images added, changed and removed, and images whose members changed.',
    label: 'kind',
    start: { added: 0, changed: 0, removed: 0, members: 0 } satisfies Record<Followed['kind'], 0>,
    of: ({ kind, count }: Followed) => [kind, count] as const,
  },
  'source-left-out': {
    name: 'glimpse_source_left_out_total',
    help: 'Images and member lists of the source that the catalogue cannot hold, counted at each read.',
    label: 'kind',
    start: { image: 0, members: 0 } satisfies Record<LeftOut['kind'], 0>,
    of: ({ kind, count }: LeftOut) => [kind, count] as const,
  },
  'request-passed': {
    name: 'glimpse_passed_requests_total',
    help:
      'Requests that were passed on to the source, by outcome: done, failed without a response, unavailable because ' +
      'the source accepts no connections, refused, aborted by the client, broken in the middle of the response.',
    label: 'outcome',
    start: { done: 0, failed: 0, unavailable: 0, refused: 0, aborted: 0, broken: 0 } satisfies Record<
      Passed['outcome'],
      0
    >,
    of: ({ outcome }: Passed) => [outcome, 1] as const,
  },
} as const;

type CountedName = keyof typeof COUNTED;

/** The counters of a mirror. */
export class MirrorCounters {
  readonly #counters = new Map<string, Counter>();

  constructor(private readonly registry: Registry) {}

  /** Exposes the counters of this process at zero, so that the first event is an increase. */
  expose(...names: CountedName[]): void {
    for (const observation of names) {
      const { name, help, label, start } = COUNTED[observation];
      const counter = new Counter({ name, help, labelNames: [label], registers: [this.registry] });
      for (const value of Object.keys(start)) counter.inc({ [label]: value }, 0);
      this.#counters.set(observation, counter);
    }
  }

  /** @returns whether the observation is counted and never logged */
  count(observation: string, known: object): boolean {
    if (!Object.hasOwn(COUNTED, observation)) return false;
    const { label, of } = COUNTED[observation as CountedName];
    const [value, count] = of(known as never);
    this.#counters.get(observation)?.inc({ [label]: value }, count);
    return true;
  }
}

/** Exposes the lag of a mirror behind its source, and the requests that replicas send to the source. */
export function exposeMirror({ registry, mirror }: Telemetry, syncStatus: SyncStatusReader): void {
  mirror.expose('source-image-fetched', 'source-changed', 'source-change-ended', 'source-left-out');
  new Gauge({
    name: 'glimpse_source_sync_age_seconds',
    help: 'Seconds since the last incremental sync; from 60 on images are served as stale copies.',
    registers: [registry],
    async collect() {
      const status = await syncStatus.read().catch(() => undefined);
      this.set(status ? status.age : Infinity);
    },
  });
}

/** Exposes the requests that are passed on to the source. */
export function exposePassThrough({ registry, mirror }: Telemetry, inProgress: () => number): void {
  mirror.expose('request-passed');
  new Gauge({
    name: 'glimpse_passed_requests',
    help: 'Requests that are being passed on to the source, uploads and downloads included.',
    registers: [registry],
    collect() {
      this.set(inProgress());
    },
  });
}

/** Exposes the state of a follower and of its mirror. */
export function exposeFollower(
  { registry, mirror: counters }: Telemetry,
  mirror: FollowedMirror,
  pending: PendingChanges,
  follows: () => boolean,
): void {
  counters.expose('source-followed', 'source-left-out');
  const gauge = (name: string, help: string, value: () => number | Promise<number>): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        try {
          this.set(await value());
        } catch {
          // Unknown while the database is unavailable.
          this.set(NaN);
        }
      },
    });
  };
  gauge('glimpse_follower_active', 'Whether this process follows the source: 1 or 0.', () =>
    Number(follows()),
  );
  gauge('glimpse_mirrored_images', 'Images in the mirror.', () => mirror.count());
  gauge(
    'glimpse_source_members_unread',
    'Shared images whose members were never read: only their owners see them.',
    async () => (await mirror.membersStaleness()).unread,
  );
  gauge(
    'glimpse_source_members_age_seconds',
    'Seconds since the least recently refreshed member list was read, of images that have members.',
    async () => (await mirror.membersStaleness()).oldest,
  );
  gauge(
    'glimpse_source_members_none_age_seconds',
    'Seconds since the least recently refreshed empty member list was read: how late a first member may appear.',
    async () => (await mirror.membersStaleness()).oldestNone,
  );
  gauge(
    'glimpse_source_changes_pending',
    'Images whose changes at the source the mirror may not show yet; with those that are still being made.',
    async () => (await pending.all()).length,
  );
  gauge(
    'glimpse_source_removals_refused',
    'Images that the last full sync did not find and the source does not confirm as gone: they are not removed.',
    async () => (await mirror.progress()).refusedRemovals,
  );
}
