import type { FollowedMirror } from '@glimpse/domain';
import type { SyncStatusReader, MirrorObservations } from '@glimpse/mirror';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Telemetry } from './telemetry.js';

type LookUps = MirrorObservations['source-looked-up'];
type Changes = MirrorObservations['source-changed'];
type Followed = MirrorObservations['source-followed'];
type LeftOut = MirrorObservations['source-left-out'];

/** What of a mirror is counted and never logged, from zero on. */
export const COUNTED = {
  'source-looked-up': {
    name: 'glimpse_source_look_ups_total',
    help:
      'Images that the catalogue lacked and that were looked up in the source, by outcome: found, missing, ' +
      'remembered as missing, refused because too many are, failed because it could not be asked.',
    label: 'outcome',
    start: { found: 0, missing: 0, remembered: 0, refused: 0, failed: 0 } satisfies Record<
      LookUps['outcome'],
      0
    >,
    of: ({ outcome }: LookUps) => [outcome, 1] as const,
  },
  'source-changed': {
    name: 'glimpse_source_changes_total',
    help: 'Changes and deletions that were sent to the source, by outcome: done, refused by it, failed.',
    label: 'outcome',
    start: { done: 0, refused: 0, failed: 0 } satisfies Record<Changes['outcome'], 0>,
    of: ({ outcome }: Changes) => [outcome, 1] as const,
  },
  'source-followed': {
    name: 'glimpse_followed_images_total',
    help: 'What the follower wrote: images added, changed and removed, and images whose members changed.',
    label: 'kind',
    start: { added: 0, changed: 0, removed: 0, members: 0 } satisfies Record<Followed['kind'], 0>,
    of: ({ kind, count }: Followed) => [kind, count] as const,
  },
  'source-left-out': {
    name: 'glimpse_source_left_out_total',
    help: 'Images of the source, and lists of members, that the catalogue cannot hold, each time they were read.',
    label: 'kind',
    start: { image: 0, members: 0 } satisfies Record<LeftOut['kind'], 0>,
    of: ({ kind, count }: LeftOut) => [kind, count] as const,
  },
} as const;

type CountedName = keyof typeof COUNTED;

/** Counts what of a mirror is counted. */
export class MirrorCounters {
  readonly #counters = new Map<string, Counter>();

  constructor(private readonly registry: Registry) {}

  /** Shows what this process is to count, so that the first of each kind is an increase. */
  expose(...names: CountedName[]): void {
    for (const observation of names) {
      const { name, help, label, start } = COUNTED[observation];
      const counter = new Counter({ name, help, labelNames: [label], registers: [this.registry] });
      for (const value of Object.keys(start)) counter.inc({ [label]: value }, 0);
      this.#counters.set(observation, counter);
    }
  }

  /** @returns whether the observation is one that is counted and never logged */
  count(observation: string, known: object): boolean {
    if (!Object.hasOwn(COUNTED, observation)) return false;
    const { label, of } = COUNTED[observation as CountedName];
    const [value, count] = of(known as never);
    this.#counters.get(observation)?.inc({ [label]: value }, count);
    return true;
  }
}

/** Shows how old what is served of a source is, and what it is asked besides. */
export function exposeMirror({ registry, mirror }: Telemetry, syncStatus: SyncStatusReader): void {
  mirror.expose('source-looked-up', 'source-changed', 'source-left-out');
  new Gauge({
    name: 'glimpse_source_look_age_seconds',
    help: 'Since all that had changed at the source was last seen; images are served as copies from 60 on.',
    registers: [registry],
    async collect() {
      const look = await syncStatus.read().catch(() => undefined);
      this.set(look ? look.age : Infinity);
    },
  });
}

/** Shows how a follower stands. */
export function exposeFollower(
  { registry, mirror: counters }: Telemetry,
  mirror: FollowedMirror,
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
          // While the database cannot be asked nobody knows.
          this.set(NaN);
        }
      },
    });
  };
  gauge('glimpse_follower_active', 'Whether this process follows the source: 1 or 0.', () =>
    Number(follows()),
  );
  gauge('glimpse_mirrored_images', 'Images of the source that are here.', () => mirror.count());
  gauge(
    'glimpse_source_members_unread',
    'Shared images whose members were never read: only their owners see them.',
    async () => (await mirror.membersStaleness()).unread,
  );
  gauge(
    'glimpse_source_members_age_seconds',
    'Since the members were read that were not for the longest time, of images that have any.',
    async () => (await mirror.membersStaleness()).oldest,
  );
  gauge(
    'glimpse_source_members_none_age_seconds',
    'Since the least recent read of the members of a shared image that had none: how late a first member may show.',
    async () => (await mirror.membersStaleness()).oldestNone,
  );
  gauge(
    'glimpse_source_removals_refused',
    'Images that the last walk did not find, and that the source does not confirm as gone: they were kept.',
    async () => (await mirror.progress()).refusedRemovals,
  );
}
