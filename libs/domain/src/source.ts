import type { Image, MemberStatus } from './image.js';

/** An image as a source has it: an import, or a service that the catalogue mirrors. Its version is the catalogue's to give. */
export interface SourceImage extends Omit<Image, 'version' | 'members'> {
  /** Whether its source has deleted it; the catalogue then keeps the row, for nobody to see. */
  readonly deleted: boolean;
  /** The order of its last change among those of its source. */
  readonly updatedAt: Date;
}

/** The members that a source has for one image: all there are. */
export interface SourceMembers {
  readonly imageId: string;
  readonly members: ReadonlyMap<string, MemberStatus>;
}

/** The place of an image in the order of a source: its time of creation, then its id, both rising. */
export interface SourcePlace {
  readonly createdAt: Date;
  readonly id: string;
}
