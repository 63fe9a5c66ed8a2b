import {
  ChangeConflict,
  ImageNotFound,
  ImageProtected,
  PROPERTY_QUOTA,
  PropertyNotFound,
  QuotaExceeded,
  SourceUnavailable,
  VersionLost,
  canSee,
  type Catalogue,
  type ChangeOptions,
  type Image,
  type ImageCriteria,
  type ImageName,
  type ImagePage,
  type Mirror,
  type PropertyChange,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import type { ObserveMirror } from '../observations.js';
import { LookUps } from './look-ups.js';
import { takeImage } from './take-image.js';

/** How often a change is sent until the source shows it: it loses some when others change the image as well. */
const ATTEMPTS = 3;

/** As which the catalogue is asked: whoever wants to see an image is judged on what it has. */
const EVERYTHING: Viewer = { project: null, admin: true };

export interface MirroredCatalogueOptions {
  /** What the mirror holds. */
  readonly catalogue: Catalogue;
  readonly mirror: Mirror;
  readonly source: ImageSource;
  /** How many images are looked up in the source at once. */
  readonly lookUps: number;
  readonly observe: ObserveMirror;
}

/**
 * The catalogue of a service whose images are another's: what is not here is looked for there, and changes are
 * made there. What it answers comes from the mirror in every case, judged like any other image.
 */
export class MirroredCatalogue implements Catalogue {
  readonly #lookUps: LookUps;

  constructor(private readonly options: MirroredCatalogueOptions) {
    this.#lookUps = new LookUps({
      ...options,
      slots: options.lookUps,
      has: async (id) => (await this.#known(id)) !== undefined,
    });
  }

  async image(
    id: string,
    viewer: Viewer,
    { fresh = false, project = viewer.project }: ReadOptions = {},
  ): Promise<Reading<Image>> {
    if (!isUuid(id)) throw new ImageNotFound(id);
    let image = fresh ? undefined : await this.#known(id);
    if (!image) {
      await this.#lookUps.run(id.toLowerCase(), project, fresh);
      image = await this.#read(id);
    }
    return { source: 'fresh', value: shown(image, viewer) };
  }

  /**
   * Does the work of a read that found nothing for one that found what the caller may not see.
   *
   * @throws {ImageNotFound} or {CatalogueUnavailable}, as a read of an image that is nowhere
   */
  async notShown(id: string, project: string | null): Promise<void> {
    if (isUuid(id)) await this.#lookUps.runForHidden(id.toLowerCase(), project);
  }

  async imageToChange(id: string, viewer: Viewer): Promise<Image> {
    return (await this.image(id, viewer)).value;
  }

  images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage>> {
    return this.options.catalogue.images(criteria, viewer);
  }

  imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>> {
    return this.options.catalogue.imageNames(criteria, viewer);
  }

  changeProperties(
    id: string,
    change: PropertyChange,
    options: ChangeOptions = {},
  ): Promise<Readonly<Record<string, string>>> {
    return this.options.mirror.changeAlone(id.toLowerCase(), async (end) => {
      const { version, ...image } = await this.#readAnew(id, end);
      let { properties } = image;
      judge(change, properties);
      if (options.version !== undefined && version !== options.version) throw new VersionLost();
      for (let attempt = 0; !shows(change, properties); attempt++) {
        if (attempt === ATTEMPTS) throw new ChangeConflict(id);
        await this.#send(
          id,
          end,
          (source, token) => source.changeProperties(id, change, properties, token, end),
          options,
        );
        ({ properties } = await this.#readAnew(id, end));
      }
      return properties;
    });
  }

  deleteImage(id: string, options: ChangeOptions = {}): Promise<void> {
    const { mirror } = this.options;
    return mirror.changeAlone(id.toLowerCase(), async (end) => {
      const image = await this.#readAnew(id, end);
      if (image.protected) throw new ImageProtected(id);
      if (options.version !== undefined && image.version !== options.version) throw new VersionLost();
      await this.#send(id, end, (source, token) => source.deleteImage(id, token, end), options);
      await mirror.remove([id.toLowerCase()], await mirror.draw());
    });
  }

  /** Sends a change. What came of one without an answer the mirror is to know all the same. */
  async #send(
    id: string,
    end: AbortSignal,
    change: (source: ImageSource, token: string) => Promise<void>,
    { token }: ChangeOptions,
  ): Promise<void> {
    const { source, observe } = this.options;
    if (token === undefined)
      throw new TypeError('a change of a mirrored image needs the token of whoever wants it');
    try {
      await change(source, token);
      observe('source-changed', { outcome: 'done' });
    } catch (error) {
      if (!(error instanceof SourceUnavailable)) {
        observe('source-changed', { outcome: 'refused' });
        throw error;
      }
      observe('source-changed', { outcome: 'failed' });
      observe('source-change-failed', { id, reason: error.reason });
      await this.#lookAfter(id, end).catch(() => undefined);
      throw error;
    }
  }

  async #lookAfter(id: string, signal: AbortSignal): Promise<void> {
    const { mirror } = this.options;
    const ticket = await mirror.draw();
    const outcome = await takeImage(this.options, id.toLowerCase(), signal);
    // It was there a moment ago.
    if (outcome !== 'taken') await mirror.remove([id.toLowerCase()], ticket);
  }

  /** What the source has now, as the mirror took it. */
  async #readAnew(id: string, signal: AbortSignal): Promise<Image> {
    if ((await takeImage(this.options, id.toLowerCase(), signal)) !== 'taken') throw new ImageNotFound(id);
    return this.#read(id);
  }

  async #read(id: string): Promise<Image> {
    return (await this.options.catalogue.image(id, EVERYTHING)).value;
  }

  async #known(id: string): Promise<Image | undefined> {
    try {
      return await this.#read(id);
    } catch (error) {
      if (error instanceof ImageNotFound) return undefined;
      throw error;
    }
  }
}

function isUuid(id: string): boolean {
  return /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(id);
}

function shown(image: Image, viewer: Viewer): Image {
  if (!canSee(image, viewer)) throw new ImageNotFound(image.id);
  return image;
}

/** What a change makes of properties. */
function applied(change: PropertyChange, properties: Image['properties']): Map<string, string> {
  const kept = Object.entries(properties).filter(
    ([key]) => change.kind !== 'replace' || change.keep?.includes(key),
  );
  const after = new Map(kept);
  if (change.kind === 'remove') after.delete(change.key);
  else for (const [key, value] of Object.entries(change.properties)) after.set(key, value);
  return after;
}

/** Whether the source may be asked for a change at all. */
function judge(change: PropertyChange, properties: Image['properties']): void {
  if (change.kind === 'remove') {
    if (!Object.hasOwn(properties, change.key)) throw new PropertyNotFound(change.key);
  } else if (applied(change, properties).size > PROPERTY_QUOTA) {
    throw new QuotaExceeded(PROPERTY_QUOTA);
  }
}

/** Whether properties are as a change wants them: it would make nothing else of them. */
function shows(change: PropertyChange, properties: Image['properties']): boolean {
  const after = applied(change, properties);
  const now = Object.entries(properties);
  return now.length === after.size && now.every(([key, value]) => after.get(key) === value);
}
