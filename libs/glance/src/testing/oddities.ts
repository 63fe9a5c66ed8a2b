import type { GlanceBehaviour } from './fake-glance.js';

interface ListDocument {
  images: Record<string, unknown>[];
  next?: unknown;
}

/** The answer to a list, changed; every other answer stays as it is. */
function list(change: (document: ListDocument, path: string) => void): GlanceBehaviour {
  return {
    distort(text, { path, method }) {
      if (method !== 'GET' || !path.startsWith('/v2/images?')) return text;
      const document = JSON.parse(text) as ListDocument;
      if (document.images) change(document, path);
      return JSON.stringify(document);
    },
  };
}

/** Odd responses of a Glance, or of a proxy in front of it. */
export const ODDITIES = {
  /** One image has a name of so many arrays in each other. */
  deepName: (id: string, depth: number): GlanceBehaviour => ({
    distort: (text) =>
      text.replace(new RegExp(`("id": ?"${id}")`), `$1,"name":${'['.repeat(depth)}${']'.repeat(depth)}`),
  }),
  /** Every page has its first image once more at its end. */
  repeatedImage: list(({ images }) => void (images[0] && images.push({ ...images[0] }))),
  /** Behind its last page a list begins again, without an end. */
  listLoop: (): GlanceBehaviour => {
    const firstPages = new Map<string, ListDocument>();
    return list((document, path) => {
      const query = path.replace(/&marker=[^&]*/, '');
      if (query === path) firstPages.set(query, structuredClone(document));
      const first = firstPages.get(query);
      if (document.next !== undefined || !first?.images.length) return;
      Object.assign(document, first, { next: '/v2/images?marker=again' });
    });
  },
  /** One attribute of one image is this in lists, which may be of any type; undefined: missing. */
  attribute: (id: string, name: string, value: unknown): GlanceBehaviour =>
    list(
      ({ images }) =>
        void images.filter((image) => image['id'] === id).forEach((image) => (image[name] = value)),
    ),
  /** What is in the list besides images. */
  element: (element: unknown): GlanceBehaviour =>
    list(({ images }) => void images.unshift(element as Record<string, unknown>)),
  /** The address of the next page. */
  next: (next: unknown): GlanceBehaviour => list((document) => void (document.next = next)),
} as const;
