import type { Policy } from '@glimpse/auth';
import {
  ChangeConflict,
  PropertyNotFound,
  VersionLost,
  type Catalogue,
  type ChangeOptions,
  type Identity,
  type Image,
  type ImageCache,
  type PageCache,
  type PropertyChange,
  type ReadOptions,
  type Reading,
} from '@glimpse/domain';
import { ImageLists } from './image-lists.js';
import { Permissions, type CallerPermissions } from './permissions.js';
import type { PropertyProtections } from './protections/property-protections.js';

/**
 * How often a change is checked and attempted while other clients change the image: what it requires depends on the
 * image's properties, so it is made only to the version that was checked.
 */
const MAX_ATTEMPTS = 20;

/** An image in its current state: as it is stored, and as a caller reads it. */
export interface CurrentImage {
  readonly stored: Image;
  readonly image: Image;
}

/** The catalogue as a caller may use it. Properties that the caller may not read are removed from every image. */
export class ImageAccess {
  readonly lists: ImageLists;
  readonly #permissions: Permissions;

  constructor(
    private readonly catalogue: Catalogue,
    policy: Policy,
    protections?: PropertyProtections,
  ) {
    this.#permissions = new Permissions(policy, protections, catalogue.cache);
    this.lists = new ImageLists(catalogue, this.#permissions);
  }

  /** What a caller may do with images that it has read. */
  permissionsOf(caller: Identity): CallerPermissions {
    return this.#permissions.of(caller);
  }

  /**
   * Reads an image for a caller.
   *
   * @throws {ImageNotFound} also where policy refuses, as in Glance; {CatalogueUnavailable}
   */
  async read(id: string, caller: Identity, options?: ReadOptions): Promise<Reading<Image>> {
    const permissions = this.#permissions.of(caller);
    const { viewer } = permissions;
    const reading = await this.catalogue.reader.image(id, viewer, { ...options, project: viewer.project });
    const image = permissions.readable(reading.value);
    permissions.enforceRead(image);
    return image === reading.value ? reading : { ...reading, value: image };
  }

  /** The same as {@link read}, but only from the cache and synchronously; undefined on a miss. */
  readCached(id: string, caller: Identity): Image | undefined {
    const permissions = this.#permissions.of(caller);
    const cached = this.catalogue.cache?.cached(id, permissions.viewer);
    const image = cached && permissions.readable(cached);
    return image && permissions.mayRead(image) ? image : undefined;
  }

  /**
   * Reads an image that a caller is about to change, in its current state.
   *
   * @throws as {@link read}
   */
  async readCurrent(id: string, caller: Identity): Promise<CurrentImage> {
    const permissions = this.#permissions.of(caller);
    const stored = await this.catalogue.current.imageToChange(id, permissions.viewer);
    const image = permissions.readable(stored);
    permissions.enforceRead(image);
    return { stored, image };
  }

  /** Where bytes are accounted that are cached along with an image; undefined where images are not cached. */
  get cache(): Pick<ImageCache, 'accountBytes'> | undefined {
    return this.catalogue.cache && this.#permissions;
  }

  /** Where pages of lists are cached; undefined where they are not. */
  get pages(): PageCache | undefined {
    return this.catalogue.pages;
  }

  /**
   * Deletes an image that the caller may delete.
   *
   * @param optionsOf the options of the deletion, for the image as the caller reads it
   * @throws {NotOwner} {PolicyRefused}, and as `ImageWriter.delete`
   */
  async delete(id: string, caller: Identity, optionsOf: (image: Image) => ChangeOptions): Promise<void> {
    const { image } = await this.readCurrent(id, caller);
    this.#permissions.of(caller).enforceChange('delete_image', image, 'delete');
    await this.catalogue.writer.delete(id, optionsOf(image));
  }

  /**
   * Changes properties of an image that the caller may change.
   *
   * @param optionsOf the options of the change, for the image as the caller reads it
   * @returns the properties after the change that the caller may read
   * @throws {NotOwner} {PolicyRefused} {PropertyNotFound} {PropertyProtected}, and as `ImageWriter.change`
   */
  async changeProperties(
    id: string,
    caller: Identity,
    change: PropertyChange,
    optionsOf: (image: Image) => ChangeOptions,
  ): Promise<Image['properties']> {
    const permissions = this.#permissions.of(caller);
    const { view } = permissions;
    for (let attempt = 1; ; attempt++) {
      const { stored, image } = await this.readCurrent(id, caller);
      if (change.kind === 'remove' && !Object.hasOwn(image.properties, change.key)) {
        throw new PropertyNotFound(change.key);
      }
      permissions.enforceChange('modify_image', image);
      view?.checkChange(id, change, image.properties);
      const options = optionsOf(image);
      if (!view) return this.catalogue.writer.change(id, { properties: change }, options);
      const version = options.version ?? (view.isDecided(change) ? undefined : stored.version);
      try {
        const properties = view.sparing(change, stored.properties);
        return view.readable(await this.catalogue.writer.change(id, { properties }, { ...options, version }));
      } catch (error) {
        if (!(error instanceof VersionLost) || options.version !== undefined) throw error;
        if (attempt === MAX_ATTEMPTS) throw new ChangeConflict(id);
      }
    }
  }
}
