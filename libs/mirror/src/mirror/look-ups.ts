import {
  CatalogueUnavailable,
  DomainError,
  ImageNotFound,
  SourceUnavailable,
  type Ticket,
} from '@glimpse/domain';
import { LRUCache } from 'lru-cache';
import { takeImage, type TakeImageParts } from './take-image.js';

/** Milliseconds for which it is known that the source has no such image. */
const MISS = 1_000;
/** How many such ids are known at most. */
const MISSES = 10_000;
/** Milliseconds for which it is believed that the source shows this service everything. */
const SIGHT = 5_000;

/** As many look-ups run as may, or as one project may have. */
export class NoSlot extends CatalogueUnavailable {}

export interface LookUpsOptions extends TakeImageParts {
  /** How many run at once; one project has a quarter of them. */
  readonly slots: number;
  /** Whether the catalogue has an image. */
  readonly has: (id: string) => Promise<boolean>;
}

/**
 * Asks a source for images that the catalogue does not have. Who asks makes no difference to what is asked or
 * taken: that happens with the service's own credentials, by id alone.
 */
export class LookUps {
  readonly #misses = new LRUCache<string, true>({ max: MISSES, ttl: MISS });
  readonly #running = new Map<string, Promise<void>>();
  readonly #byProject = new Map<string | null, number>();
  #slotsTaken = 0;
  #sight?: { readonly since: number; readonly blindness: Promise<string | undefined> };

  constructor(private readonly options: LookUpsOptions) {}

  /**
   * Has the mirror take the image.
   *
   * @param project that of whoever asks
   * @param fresh whether nobody else's question is shared
   * @throws {ImageNotFound} the source has none
   * @throws {CatalogueUnavailable} it cannot be asked, or too many ask
   */
  async run(id: string, project: string | null, fresh: boolean): Promise<void> {
    return this.#share(id, id, project, fresh, () => this.#ask(id));
  }

  /**
   * Does for an image that the caller may not see what {@link run} does for one that is nowhere, so that the time of a
   * 404 does not tell the two apart. Both cost one request to the source, and none within a second of the last.
   *
   * @throws {ImageNotFound} always, unless as {@link run} throws
   */
  async runForHidden(id: string, project: string | null): Promise<void> {
    return this.#share(id, `hidden ${id}`, project, false, () => this.#askOfHidden(id));
  }

  /** Shares what is known, or being asked, of an id, unless a fresh answer is wanted. */
  async #share(
    id: string,
    key: string,
    project: string | null,
    fresh: boolean,
    ask: () => Promise<void>,
  ): Promise<void> {
    const { observe } = this.options;
    if (!fresh) {
      if (this.#misses.has(id)) {
        observe('source-looked-up', { outcome: 'remembered' });
        throw new ImageNotFound(id);
      }
      const running = this.#running.get(key);
      if (running) return running;
    }
    const leave = this.#enter(project);
    const asking = ask().finally(() => {
      leave();
      if (this.#running.get(key) === asking) this.#running.delete(key);
    });
    this.#running.set(key, asking);
    return asking;
  }

  #enter(project: string | null): () => void {
    const { slots, observe } = this.options;
    const own = this.#byProject.get(project) ?? 0;
    if (this.#slotsTaken >= slots || own >= Math.max(1, Math.floor(slots / 4))) {
      observe('source-looked-up', { outcome: 'refused' });
      throw new NoSlot();
    }
    this.#slotsTaken++;
    this.#byProject.set(project, own + 1);
    return () => {
      this.#slotsTaken--;
      const left = this.#byProject.get(project)! - 1;
      if (left === 0) this.#byProject.delete(project);
      else this.#byProject.set(project, left);
    };
  }

  async #ask(id: string): Promise<void> {
    const { observe } = this.options;
    try {
      const outcome = await takeImage(this.options, id);
      if (outcome !== 'taken') await this.#confirmMissing(id, outcome.missing);
      observe('source-looked-up', { outcome: outcome === 'taken' ? 'found' : 'missing' });
      if (outcome === 'taken') return;
    } catch (error) {
      observe('source-looked-up', { outcome: 'failed' });
      throw error;
    }
    this.#misses.set(id, true);
    throw new ImageNotFound(id);
  }

  async #askOfHidden(id: string): Promise<void> {
    const { mirror, observe, source, has } = this.options;
    try {
      const ticket = await mirror.draw();
      const isThere = await source.image(id).then(Boolean, (error: unknown) => {
        if (error instanceof CatalogueUnavailable || !(error instanceof DomainError)) throw error;
        return true;
      });
      if (!isThere) await this.#confirmMissing(id, ticket);
      else {
        await has(id);
        const blindness = await this.#blindness();
        if (blindness !== undefined) throw new SourceUnavailable(blindness);
      }
      observe('source-looked-up', { outcome: 'missing' });
    } catch (error) {
      observe('source-looked-up', { outcome: 'failed' });
      throw error;
    }
    this.#misses.set(id, true);
    throw new ImageNotFound(id);
  }

  /**
   * Removes an image for all callers that the source has no more.
   *
   * @throws {SourceUnavailable} the source does not show everything, and does not know what there is not
   */
  async #confirmMissing(id: string, ticket: Ticket): Promise<void> {
    const { mirror, observe, source, has } = this.options;
    const isHere = await has(id);
    // What is removed has to be confirmed now; of other ids the last seconds will do.
    const blindness = await (isHere ? source.blindness() : this.#blindness());
    if (blindness !== undefined) {
      this.#sight = undefined;
      throw new SourceUnavailable(blindness);
    }
    if (!isHere) return;
    const { length: count } = await mirror.remove([id], ticket);
    if (count > 0) observe('source-followed', { kind: 'removed', count });
  }

  #blindness(): Promise<string | undefined> {
    const now = performance.now();
    if (!this.#sight || now - this.#sight.since > SIGHT) {
      this.#sight = { since: now, blindness: this.options.source.blindness() };
      // One that failed is no answer.
      this.#sight.blindness.catch(() => (this.#sight = undefined));
    }
    return this.#sight.blindness;
  }
}
