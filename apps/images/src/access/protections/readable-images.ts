import type { Image, ImageCache } from '@glimpse/domain';
import type { PropertyView } from './property-view.js';

/** The most forms of an image that are cached: one for each set of properties that callers may read. */
const MAX_FORMS = 16;
/** Estimated bytes of a cached form, and of each of its properties, whose text is shared with the image. */
const FORM_BYTES = 300;
const PROPERTY_BYTES = 40;

/**
 * Images as callers read them. A caller that may read all properties gets the image itself; others get a form of it
 * that is cached for as long as the image, along with everything that is cached for the form.
 */
export class ReadableImages {
  readonly #forms = new WeakMap<Image, Map<string, Image>>();
  readonly #images = new WeakMap<Image, Image>();

  constructor(private readonly cache?: ImageCache) {}

  of(image: Image, view: PropertyView): Image {
    const known = this.#forms.get(image);
    const form = known?.get(view.readKey);
    if (form) return form;
    const properties = view.readable(image.properties);
    const made = properties === image.properties ? image : { ...image, properties };
    if (known && known.size >= MAX_FORMS) return made;
    const forms = known ?? new Map<string, Image>();
    if (!known) this.#forms.set(image, forms);
    forms.set(view.readKey, made);
    if (made !== image) {
      this.#images.set(made, image);
      this.accountBytes(image, FORM_BYTES + PROPERTY_BYTES * Object.keys(properties).length);
    }
    return made;
  }

  /** Accounts bytes that are cached along with an image, or with a form of it, to the image. */
  accountBytes(image: Image, bytes: number): void {
    this.cache?.accountBytes(this.#images.get(image) ?? image, bytes);
  }
}
