import { Matching, OneOf, Optional, WholeNumber } from '@glimpse/options';

const areFormats = (text: string): boolean => /^\w[\w.-]*(?:\s*,\s*\w[\w.-]*)*$/.test(text);
const FORMATS = 'names of formats, separated by commas';

export class ImageSettings {
  /** The port of the Image API; unset: `off` in production and in a mirror without `glance.url`. */
  @Optional()
  @WholeNumber(0, 65535, 'off')
  port?: number | 'off';

  /** The images of a page of a list unless the request says otherwise, Glance's `limit_param_default`. */
  @WholeNumber(1, 1000)
  page_size = 25;

  /** The most images of a page of a list, Glance's `api_limit_max`. */
  @WholeNumber(1, 1000)
  page_size_max = 1000;

  /** Whether images show the URL of their data, Glance's `show_image_direct_url`. */
  @OneOf(['on', 'off'])
  show_direct_url: 'on' | 'off' = 'off';

  /** Whether images show where their data is stored, Glance's `show_multiple_locations`. */
  @OneOf(['on', 'off'])
  show_locations: 'on' | 'off' = 'off';

  /** The disk formats that images of a catalogue of its own may have, Glance's `disk_formats`; unset: its defaults. */
  @Optional()
  @Matching(FORMATS, areFormats)
  disk_formats?: string;

  /** The same of containers, Glance's `container_formats`. */
  @Optional()
  @Matching(FORMATS, areFormats)
  container_formats?: string;
}
