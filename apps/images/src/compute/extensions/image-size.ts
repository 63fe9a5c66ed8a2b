import { OneOf } from '@glimpse/options';
import { definePlugin } from '@glimpse/plugins';

class ImageSizeOptions {
  /** Nova writes the size as an integer; the API's reference page shows a string. */
  @OneOf(['integer', 'string'])
  as: 'integer' | 'string' = 'integer';
}

/** `OS-EXT-IMG-SIZE`: the size of an image in bytes; 0 while unknown, as in Nova. */
export const imageSize = definePlugin({
  kind: 'image-extension',
  contract: 1,
  options: ImageSizeOptions,
  create: ({ as }) => ({
    alias: 'OS-EXT-IMG-SIZE',
    name: 'ImageSize',
    namespace: 'http://docs.openstack.org/compute/ext/fake_xml',
    updated: '2014-12-03T00:00:00Z',
    description: 'Adds image size to image listings.',
    position: 'before-links',
    attributes: ({ size }) => ({
      'OS-EXT-IMG-SIZE:size': as === 'string' ? String(size ?? 0) : (size ?? 0),
    }),
  }),
});
