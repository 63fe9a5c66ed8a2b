import type { SourceImage } from '@glimpse/domain';
import type { ImageSettings } from '../../settings/image.js';

/** The setting that shows each attribute of where the data of an image is. */
const SETTINGS = { direct_url: 'show_direct_url', locations: 'show_locations' } as const;
const ATTRIBUTES = ['direct_url', 'locations'] as const;

/** Which attributes of where data is the source shows in its images. */
export class ShownLocations {
  readonly #shown = new Set<(typeof ATTRIBUTES)[number]>();

  note(images: readonly Pick<SourceImage, 'locations'>[]): void {
    for (const attribute of ATTRIBUTES) {
      if (images.some(({ locations }) => locations?.[attribute] !== undefined)) this.#shown.add(attribute);
    }
  }

  /** A line for each that the Image API here does not show. */
  hiddenBy(image: ImageSettings): string[] {
    if (image.port === 'off') return [];
    const hidden = [...this.#shown].filter((attribute) => image[SETTINGS[attribute]] === 'off');
    return hidden.map(
      (attribute) =>
        `the source shows ${attribute} of images, and this service does not: set image.${SETTINGS[attribute]} = on`,
    );
  }
}
