import { OneOf } from '@glimpse/options';

export class ImageSettings {
  /** The port of the Image API. This release does not serve it yet. */
  @OneOf(['off'])
  port = 'off' as const;
}
