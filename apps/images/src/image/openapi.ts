import { baseUrlOf } from '../http/base-url.js';
import type { Description } from '../http/openapi.js';

const TAGS = {
  Images: 'List and show.',
  Members: 'The projects with which an image is shared.',
  Schemas: 'What clients build their models on.',
  Discovery: 'What the catalogue offers for image data.',
};

/** The path of the version, which all described operations have. */
const ENDPOINT = '/v2';

/** The description of the Image API. */
export function imageDescription(publicUrl: string | undefined): Description {
  return {
    heading: 'the Image API',
    summary: 'The OpenStack Image API v2, reading.',
    tags: TAGS,
    pathsOf: (paths) =>
      Object.fromEntries(Object.entries(paths).map(([path, item]) => [path.slice(ENDPOINT.length), item])),
    serversFor: ({ raw }) => [{ url: baseUrlOf(raw, publicUrl) + ENDPOINT }],
  };
}
