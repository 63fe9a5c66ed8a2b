import {
  CatalogueUnavailable,
  DomainError,
  ImageNotFound,
  SourceUnavailable,
  type Mirror,
} from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import { LRUCache } from 'lru-cache';
import type { ObserveMirror } from '../observations.js';
import { takeImage } from './take-image.js';

/** Milliseconds for which it is known that the source has no such image. */
const MISS = 1_000;
/** How many such ids are known at most. */
const MISSES = 10_000;
/** Milliseconds for which it is believed that the source shows this service everything. */
const SIGHT = 5_000;

/** As many look-ups run as may, or as one project may have. */
export class NoSlot extends CatalogueUnavailable {}

export interface LookUpsOptions {
  readonly source: ImageSource;
  readonly mirror: Mirror;
  /** How many run at once; one project has a quarter of them. */
  readonly slots: number;
  readonly observe: ObserveMirror;
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
    const { observe } = this.options;
    if (!fresh) {
      if (this.#misses.has(id)) {
        observe('source-looked-up', { outcome: 'remembered' });
        throw new ImageNotFound(id);
      }
      const running = this.#running.get(id);
      if (running) return running;
    }
    const leave = this.#enter(project);
    const asking = this.#ask(id).finally(() => {
      leave();
      if (this.#running.get(id) === asking) this.#running.delete(id);
    });
    this.#running.set(id, asking);
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
      // What does not show everything does not know what there is not.
      const blindness = outcome === 'missing' ? await this.#blindness() : undefined;
      if (blindness !== undefined) {
        this.#sight = undefined;
        throw new SourceUnavailable(blindness);
      }
      observe('source-looked-up', { outcome: outcome === 'taken' ? 'found' : 'missing' });
      if (outcome === 'taken') return;
    } catch (error) {
      observe('source-looked-up', { outcome: 'failed' });
      if (error instanceof CatalogueUnavailable || !(error instanceof DomainError)) throw error;
      throw new SourceUnavailable(error.message, { cause: error });
    }
    this.#misses.set(id, true);
    throw new ImageNotFound(id);
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
