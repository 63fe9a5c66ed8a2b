import type { Image, Member } from './image.js';

/** An image as a source has it: an import, or a service that the catalogue mirrors. The catalogue assigns its version. */
export interface SourceImage extends Omit<Image, 'version' | 'attributesCurrent' | 'members'> {
  /** Whether its source has deleted it; the catalogue then keeps the row, which no read shows. */
  readonly deleted: boolean;
  /** The order of its last change among those of its source. */
  readonly updatedAt: Date;
}

/** All members of one image at its source. */
export interface SourceMembers {
  readonly imageId: string;
  readonly members: ReadonlyMap<string, Member>;
}

/** The place of an image in the order of a source: its time of creation, then its id, both ascending. */
export interface SourcePlace {
  readonly createdAt: Date;
  readonly id: string;
}
