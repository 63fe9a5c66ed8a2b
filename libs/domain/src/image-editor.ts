import type { Image, Member, MemberStatus } from './image.js';

/** The attributes of an image that its owner sets; `status` while it is deactivated or active again. */
export type EditableAttributes = Pick<
  Image,
  | 'name'
  | 'status'
  | 'visibility'
  | 'hidden'
  | 'owner'
  | 'protected'
  | 'minDisk'
  | 'minRam'
  | 'diskFormat'
  | 'containerFormat'
  | 'tags'
  | 'properties'
>;

/** An image that does not exist yet. */
export interface NewImage extends Omit<EditableAttributes, 'status'> {
  /** Chosen by the client, in either case; left out: the service chooses. */
  readonly id?: string;
}

/**
 * Creates and edits the images of a catalogue of its own; those of a mirror are changed at their source. Whether the
 * caller may do so is checked before. An implementation reports the images that it changed before its promise resolves.
 */
export interface ImageEditor {
  /**
   * Creates an image without data.
   *
   * @throws {ImageExists} an image has this id, or had it; {CatalogueUnavailable}
   */
  create(image: NewImage): Promise<Image>;

  /**
   * Sets attributes of an image, if it still is as it was read.
   *
   * @returns the image after the change
   * @throws {VersionLost} it was changed or deleted since; {CatalogueUnavailable}
   */
  edit(image: Image, attributes: Partial<EditableAttributes>): Promise<Image>;

  /**
   * Shares an image with a project. The image's own attributes, its time of change among them, stay as they are.
   *
   * @throws {ImageNotFound} {MemberExists} {LimitExceeded} {CatalogueUnavailable}
   */
  addMember(image: Image, project: string): Promise<Member>;

  /** Sets the status of a member. @throws {MemberNotFound} {CatalogueUnavailable} */
  setMemberStatus(image: Image, project: string, status: MemberStatus): Promise<Member>;

  /** @throws {MemberNotFound} {CatalogueUnavailable} */
  removeMember(image: Image, project: string): Promise<void>;
}
