import type { FollowedMirror } from '@glimpse/domain';
import type { LastLook, MirrorObservations } from '@glimpse/glance';
import { Counter, Gauge, type Registry } from 'prom-client';

/** What of a mirror is counted and never logged. */
export const COUNTED = {
  'source-looked-up': {
    name: 'glimpse_source_look_ups_total',
    help:
      'Images that the catalogue lacked and that were looked up in the source, by outcome: found, missing, ' +
      'remembered as missing, refused because too many are, failed because it could not be asked.',
    labels: ({ outcome }: MirrorObservations['source-looked-up']) => ({ outcome }),
    count: () => 1,
  },
  'source-changed': {
    name: 'glimpse_source_changes_total',
    help: 'Changes and deletions that were sent to the source, by outcome: done, refused by it, failed.',
    labels: ({ outcome }: MirrorObservations['source-changed']) => ({ outcome }),
    count: () => 1,
  },
  'source-followed': {
    name: 'glimpse_followed_images_total',
    help: 'What the follower wrote: images added, changed and removed, and images whose members changed.',
    labels: ({ kind }: MirrorObservations['source-followed']) => ({ kind }),
    count: ({ count }: MirrorObservations['source-followed']) => count,
  },
} as const;

type CountedName = keyof typeof COUNTED;

/** Counts what of a mirror is counted. */
export class MirrorCounters {
  readonly #counters = new Map<string, Counter>();

  constructor(private readonly registry: Registry) {}

  /** @returns whether the observation is one that is counted and never logged */
  count(observation: string, known: object): boolean {
    if (!Object.hasOwn(COUNTED, observation)) return false;
    const { name, help, labels, count } = COUNTED[observation as CountedName];
    let counter = this.#counters.get(name);
    if (!counter) {
      const labelNames = Object.keys(labels(known as never));
      counter = new Counter({ name, help, labelNames, registers: [this.registry] });
      this.#counters.set(name, counter);
    }
    counter.inc(labels(known as never), count(known as never));
    return true;
  }
}

/** Shows how old what is served of a source is. */
export function exposeLastLook(registry: Registry, lastLook: LastLook): void {
  new Gauge({
    name: 'glimpse_source_look_age_seconds',
    help: 'Since all that had changed at the source was last seen; images are served as copies from 60 on.',
    registers: [registry],
    async collect() {
      const look = await lastLook.read().catch(() => undefined);
      this.set(look ? look.age : Infinity);
    },
  });
}

/** Shows how a follower stands. */
export function exposeFollower(registry: Registry, mirror: FollowedMirror, follows: () => boolean): void {
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
    async () => (await mirror.membersStanding()).unread,
  );
  gauge(
    'glimpse_source_members_age_seconds',
    'Since the members were read that were not for the longest time, of images that have any.',
    async () => (await mirror.membersStanding()).oldest,
  );
  gauge(
    'glimpse_source_removals_refused',
    'Images that are gone and were kept, because more are gone at once than is believed.',
    async () => (await mirror.progress()).refusedRemovals,
  );
}
