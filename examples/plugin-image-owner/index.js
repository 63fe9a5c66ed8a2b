import { OneOf, Optional, Text, definePlugin } from '@glimpse/plugins';

class Options {
  /** The value: the owning project's id, or whether there is an owner. */
  as = 'id';

  /** The value for an image without an owner; unset: null. */
  ownerless = undefined;
}
OneOf(['id', 'flag'])(Options.prototype, 'as');
Text()(Options.prototype, 'ownerless');
Optional()(Options.prototype, 'ownerless');

/** `EXAMPLE-OWNER`: the project that owns an image, which the Compute API does not show by itself. */
export default definePlugin({
  kind: 'image-extension',
  contract: 1,
  options: Options,
  create: ({ as, ownerless = null }) => ({
    alias: 'EXAMPLE-OWNER',
    name: 'ImageOwner',
    namespace: 'https://example.com/glimpse/image-owner',
    updated: '2026-01-01T00:00:00Z',
    description: 'Shows the project that owns an image.',
    attributes: ({ owner }) => ({
      'EXAMPLE-OWNER:owner': as === 'flag' ? owner !== null : (owner ?? ownerless),
    }),
  }),
});
