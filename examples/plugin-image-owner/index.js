import { OneOf, Optional, Text, definePlugin } from '@glimpse/plugins';

class Options {
  /** What is shown of the owner: the project's id, or whether there is one. */
  as = 'id';

  /** What is shown of an image that nobody owns; unset: null. */
  nobody = undefined;
}
OneOf(['id', 'flag'])(Options.prototype, 'as');
Text()(Options.prototype, 'nobody');
Optional()(Options.prototype, 'nobody');

/** `EXAMPLE-OWNER`: the project that owns an image, which the Compute API does not show by itself. */
export default definePlugin({
  kind: 'image-extension',
  contract: 1,
  options: Options,
  create: ({ as, nobody = null }) => ({
    alias: 'EXAMPLE-OWNER',
    name: 'ImageOwner',
    namespace: 'https://example.com/glimpse/image-owner',
    updated: '2026-01-01T00:00:00Z',
    description: 'Shows the project that owns an image.',
    attributes: ({ owner }) => ({
      'EXAMPLE-OWNER:owner': as === 'flag' ? owner !== null : (owner ?? nobody),
    }),
  }),
});
