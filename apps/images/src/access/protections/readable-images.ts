import type { Image, ImageCache } from '@glimpse/domain';
import type { PropertyView } from './property-view.js';

/** How many forms of an image are kept: one for each set of properties that callers may read. */
const MAX_FORMS = 16;
/** Bytes that a kept form takes, and a property of it, whose text it shares with the image. */
const FORM_BYTES = 300;
const PROPERTY_BYTES = 40;

/**
 * Images as callers read them. A caller who may read all properties reads the image itself; others read a form
 * of it that is kept for as long as the image is, and so is what is kept along with the form.
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

  /** Charges what is kept along with an image, or with a form of it, to the image. */
  accountBytes(image: Image, bytes: number): void {
    this.cache?.accountBytes(this.#images.get(image) ?? image, bytes);
  }
}
