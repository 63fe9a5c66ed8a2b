import {
  CatalogueUnavailable,
  ChangeConflict,
  ImageNotFound,
  ImageProtected,
  SourceUnavailable,
  UNRESTRICTED_VIEWER,
  VersionLost,
  listAudienceOf,
  requireApplicable,
  type ChangeOptions,
  type Image,
  type ImageChange,
  type ImageReader,
  type ImageWriter,
  type ListAudience,
  type OnImagesChanged,
  type PendingChanges,
  type PropertyChange,
} from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import type { SourceChanges } from '../changes/source-changes.js';
import { applyImage, fetchImage, leaveOut, type ApplyParts } from './apply-image.js';

/** How often a change is sent until the source shows it: concurrent changes of the image can overwrite it there. */
const MAX_ATTEMPTS = 3;

export interface MirroredImageWriterOptions extends ApplyParts {
  readonly pending: PendingChanges;
  readonly changes: SourceChanges;
  /** Reads what the mirror holds. */
  readonly reader: ImageReader;
  readonly onChanged?: OnImagesChanged;
}

/** Makes changes at the source of a mirror, and applies to the mirror what the source has after them. */
export class MirroredImageWriter implements ImageWriter {
  constructor(private readonly options: MirroredImageWriterOptions) {}

  async change(
    id: string,
    { properties: change }: ImageChange,
    options: ChangeOptions = {},
  ): Promise<Image['properties']> {
    const key = id.toLowerCase();
    let audience: ListAudience | undefined;
    const after = await this.options.mirror.withChangeLease(key, async (end) => {
      const image = await this.#refreshed(id, end);
      audience = listAudienceOf(image);
      const { version } = image;
      let { properties } = image;
      requireApplicable(change, properties, applied(change, properties).size);
      if (options.version !== undefined && version !== options.version) throw new VersionLost();
      for (let attempt = 0; !shows(change, properties); attempt++) {
        if (attempt === MAX_ATTEMPTS) throw new ChangeConflict(id);
        await this.#send(
          id,
          (source, token) => source.changeProperties(id, change, properties, token, end),
          options,
          async () => void ({ properties } = await this.#settled(id, end)),
        );
      }
      return properties;
    });
    this.options.onChanged?.([key], audience);
    return after;
  }

  async delete(id: string, options: ChangeOptions = {}): Promise<void> {
    const { mirror, pending, onChanged } = this.options;
    const key = id.toLowerCase();
    let audience: ListAudience | undefined;
    await mirror.withChangeLease(key, async (end) => {
      const image = await this.#refreshed(id, end);
      audience = listAudienceOf(image);
      if (image.protected) throw new ImageProtected(id);
      if (options.version !== undefined && image.version !== options.version) throw new VersionLost();
      let isDone = false;
      const remove = async (): Promise<void> => {
        isDone = true;
        await pending.settleRemoved(undefined, key, await mirror.draw());
      };
      await this.#send(id, (source, token) => source.deleteImage(id, token, end), options, remove).catch(
        (error: unknown) => {
          // Readers fetch the image until the database can be written.
          if (!isDone || !(error instanceof CatalogueUnavailable)) throw error;
        },
      );
    });
    onChanged?.([key], audience);
  }

  /**
   * Sends a change, and applies its effect. Where either fails, readers of all replicas and the follower fetch the image.
   */
  async #send(
    id: string,
    change: (source: ImageSource, token: string) => Promise<void>,
    { token }: ChangeOptions,
    apply: () => Promise<void>,
  ): Promise<void> {
    const { source, changes, observe } = this.options;
    if (token === undefined)
      throw new TypeError('a change of a mirrored image needs the token of its caller');
    const sent = await changes.begin([id]);
    try {
      await change(source, token);
      observe('source-changed', { outcome: 'done' });
    } catch (error) {
      if (!(error instanceof SourceUnavailable)) {
        observe('source-changed', { outcome: 'refused' });
        await sent.withdraw();
        throw error;
      }
      observe('source-changed', { outcome: 'failed' });
      observe('source-change-failed', { id, reason: error.reason });
      await sent.settle(undefined);
      throw error;
    }
    try {
      await apply();
    } catch (error) {
      await sent.settle(undefined);
      throw error;
    }
    await sent.withdraw();
  }

  /** Fetches and applies the image, and reads it. */
  async #refreshed(id: string, signal: AbortSignal): Promise<Image> {
    if ((await applyImage(this.options, id.toLowerCase(), signal)) !== 'applied') throw new ImageNotFound(id);
    return this.#read(id);
  }

  /** The same after a change: what another host of the source answers as before it does not replace this. */
  async #settled(id: string, signal: AbortSignal): Promise<Image> {
    const fetched = await fetchImage(this.options, id.toLowerCase(), signal);
    if ('missing' in fetched) throw new ImageNotFound(id);
    const refused = await this.options.pending.settle(undefined, fetched);
    if (refused !== undefined) await leaveOut(this.options, id.toLowerCase(), fetched.ticket, refused);
    return this.#read(id);
  }

  async #read(id: string): Promise<Image> {
    return (await this.options.reader.image(id, UNRESTRICTED_VIEWER)).value;
  }
}

/** The properties after a change. */
function applied(change: PropertyChange, properties: Image['properties']): Map<string, string | null> {
  const kept = Object.entries(properties).filter(
    ([key]) => change.kind !== 'replace' || change.keep?.includes(key),
  );
  const after = new Map(kept);
  if (change.kind === 'remove') after.delete(change.key);
  else for (const [key, value] of Object.entries(change.properties)) after.set(key, value);
  return after;
}

/** Whether properties are as they will be after the change. */
function shows(change: PropertyChange, properties: Image['properties']): boolean {
  const after = applied(change, properties);
  const now = Object.entries(properties);
  return now.length === after.size && now.every(([key, value]) => after.get(key) === value);
}
