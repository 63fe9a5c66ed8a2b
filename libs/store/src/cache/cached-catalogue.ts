import { setTimeout as sleep } from 'node:timers/promises';
import {
  CatalogueBusy,
  CatalogueUnavailable,
  ImageNotFound,
  canSee,
  type Catalogue,
  type ChangeOptions,
  type Copies,
  type Image,
  type ImageCriteria,
  type ImageName,
  type ImagePage,
  type PropertyChange,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { LRUCache } from 'lru-cache';
import type { NoticeSource, Session, Touched } from './notices.js';
import { bytesOf } from './size.js';
import { Semaphore } from '../semaphore.js';

/**
 * Milliseconds for which what was asked may still be answered as if it were asked now. Notices make it less
 * by far; this is what holds where the connection they come on has died without saying so, or where the
 * process itself stood still.
 */
const TRUST = 2_000;

/** Milliseconds that whoever could have a copy waits for a database of which nothing is heard. */
const DOUBT = 500;

/** Milliseconds that a read which wants no copy waits for its turn: as long as for the database. */
const PATIENCE = 2_000;

/** What is kept is asked for as somebody who is shown everything; each viewer is judged on what is kept. */
const EVERYTHING: Viewer = { project: null, admin: true };

export interface CacheOptions {
  /** The most bytes that are kept. */
  readonly size: number;
  /** Seconds since a copy was last known to be current, after which nobody is served it any more. */
  readonly staleLimit: number;
  /** How many reads that want no copy ask at a time. */
  readonly freshReads: number;
  /** Milliseconds of a monotonic clock, the one of the notices. */
  readonly now?: () => number;
}

/** How a read was answered. */
export type CacheOutcome = 'hit' | 'miss' | 'shared' | 'bypass' | 'stale';

/** An image as it was when the catalogue was asked, or later. */
interface Copy {
  readonly image: Image;
  readonly askedAt: number;
  /** The session of notices in which it was asked. */
  readonly session: Session | undefined;
  /** Of the image and of what others keep along with it. */
  readonly bytes: number;
}

/** A question that is not answered yet. */
interface Question {
  readonly askedAt: number;
  readonly answer: Promise<Image>;
}

/**
 * Keeps images by id in front of a catalogue. A copy counts as fresh when it was asked for while notices were
 * heard, they are heard ever since, and none was about it. What is missing is not kept.
 */
export class CachedCatalogue implements Catalogue, Copies {
  readonly #copies: LRUCache<string, Copy>;
  /** The last question about each image. A notice takes it away: then its answer is not kept. */
  readonly #questions = new Map<string, Question>();
  readonly #freshReads: Semaphore;
  readonly #now: () => number;
  readonly #staleLimit: number;

  /** How often each outcome was. */
  readonly outcomes: Record<CacheOutcome, number> = { hit: 0, miss: 0, shared: 0, bypass: 0, stale: 0 };

  constructor(
    private readonly catalogue: Catalogue,
    private readonly notices: NoticeSource,
    { size, staleLimit, freshReads, now = () => performance.now() }: CacheOptions,
  ) {
    this.#copies = new LRUCache({ maxSize: size, sizeCalculation: ({ bytes }) => bytes });
    this.#freshReads = new Semaphore({ permits: freshReads, queueTimeoutMs: PATIENCE });
    this.#now = now;
    this.#staleLimit = staleLimit;
    notices.subscribe((touched) => this.#drop(touched));
  }

  /** How many images are kept. */
  get entries(): number {
    return this.#copies.size;
  }

  /** How many bytes they take, by estimate. */
  get bytes(): number {
    return this.#copies.calculatedSize;
  }

  async image(id: string, viewer: Viewer, options: ReadOptions = {}): Promise<Reading<Image>> {
    const key = id.toLowerCase();
    const copy = options.fresh ? undefined : this.#fresh(key);
    const isHidden = copy !== undefined && !canSee(copy, viewer);
    if (copy && !isHidden) {
      this.outcomes.hit++;
      return { source: 'fresh', value: copy };
    }
    try {
      const image = await (isHidden ? this.#askForHidden(key, options) : this.#ask(key, options));
      return { source: 'fresh', value: shown(image, viewer) };
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable)) throw error;
      if (error instanceof CatalogueBusy && this.notices.session) throw error;
      return this.#stale(key, viewer, error);
    }
  }

  kept(id: string, viewer: Viewer): Image | undefined {
    const image = this.#fresh(id.toLowerCase());
    if (!image || !canSee(image, viewer)) return undefined;
    this.outcomes.hit++;
    return image;
  }

  charge(image: Image, bytes: number): void {
    const copy = this.#copies.peek(image.id);
    if (copy?.image === image) this.#copies.set(image.id, { ...copy, bytes: copy.bytes + bytes });
  }

  imageToChange(id: string, viewer: Viewer): Promise<Image> {
    return this.catalogue.imageToChange(id, viewer);
  }

  images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage>> {
    return this.catalogue.images(criteria, viewer);
  }

  imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>> {
    return this.catalogue.imageNames(criteria, viewer);
  }

  async changeProperties(
    id: string,
    change: PropertyChange,
    options?: ChangeOptions,
  ): Promise<Readonly<Record<string, string>>> {
    const properties = await this.catalogue.changeProperties(id, change, options);
    this.#drop([id.toLowerCase()]);
    return properties;
  }

  async deleteImage(id: string, options?: ChangeOptions): Promise<void> {
    await this.catalogue.deleteImage(id, options);
    this.#drop([id.toLowerCase()]);
  }

  #fresh(key: string): Image | undefined {
    const { session } = this.notices;
    if (!session || this.#now() - session.confirmedAt > TRUST) return undefined;
    const copy = this.#copies.get(key);
    return copy?.session === session ? copy.image : undefined;
  }

  /** Asks the catalogue, and while nothing is heard of it not for long, if there is a copy. */
  #ask(key: string, options: ReadOptions): Promise<Image> {
    const answer = options.fresh
      ? this.#freshReads.run(() => this.#askAlone(key, options))
      : this.#askTogether(key, options);
    if (options.fresh) this.outcomes.bypass++;
    if (this.notices.session || !this.#copies.has(key)) return answer;
    return Promise.race([
      answer,
      sleep(DOUBT, undefined, { ref: false }).then(() => {
        throw new CatalogueUnavailable();
      }),
    ]);
  }

  /** Shares the question that somebody else asked, if that is not too long ago. */
  #askTogether(key: string, options: ReadOptions): Promise<Image> {
    const running = this.#questions.get(key);
    if (running && this.#now() - running.askedAt <= TRUST) {
      this.outcomes.shared++;
      return running.answer;
    }
    this.outcomes.miss++;
    return this.#askAlone(key, options);
  }

  /**
   * Asks for an image that the viewer may not see: it costs what one costs that is nowhere, or the time of a 404 would
   * tell the two apart. The copy stays as it is, for those who may see it.
   */
  async #askForHidden(key: string, options: ReadOptions): Promise<Image> {
    this.outcomes.miss++;
    return (await this.catalogue.image(key, EVERYTHING, options)).value;
  }

  #askAlone(key: string, options: ReadOptions): Promise<Image> {
    const { session } = this.notices;
    const askedAt = this.#now();
    const answer = this.catalogue.image(key, EVERYTHING, options).then(({ value }) => value);
    const question = { askedAt, answer };
    this.#questions.set(key, question);
    // Of several questions about an image only the last, and of those none that a notice came after, is kept.
    const settle = (keep: () => void): void => {
      if (this.#questions.get(key) !== question) return;
      this.#questions.delete(key);
      keep();
    };
    answer.then(
      (image) => settle(() => this.#copies.set(key, { image, askedAt, session, bytes: bytesOf(image) })),
      (error) => settle(() => error instanceof ImageNotFound && this.#copies.delete(key)),
    );
    return answer;
  }

  /** A copy, for want of anything better. Whoever is not shown it does not learn that there is one. */
  #stale(key: string, viewer: Viewer, error: CatalogueUnavailable): Reading<Image> {
    const copy = this.#copies.get(key);
    if (!copy || !canSee(copy.image, viewer)) throw error;
    const age = (this.#now() - Math.max(copy.askedAt, copy.session?.confirmedAt ?? 0)) / 1000;
    if (age >= this.#staleLimit) throw error;
    this.outcomes.stale++;
    return { source: 'copy', value: copy.image, age };
  }

  #drop(touched: Touched): void {
    if (touched === 'all') {
      this.#copies.clear();
      this.#questions.clear();
      return;
    }
    for (const key of touched) {
      this.#copies.delete(key);
      this.#questions.delete(key);
    }
  }
}

function shown(image: Image, viewer: Viewer): Image {
  if (!canSee(image, viewer)) throw new ImageNotFound(image.id);
  return image;
}
