import { OneOf, Nested, Optional, Text, WholeNumber } from '@glimpse/options';

export class DataOptions {
  /** The folder of the store; unset in development: `images` in the data folder. */
  @Optional()
  @Text()
  path?: string;

  /** MiB of the file system that are left free: below it uploads are refused. */
  @WholeNumber(0, 1_048_576)
  reserve = 1024;
}

export class DataSettings {
  /** Where image data is stored; unset: `file` in development, nowhere in production. */
  @Optional()
  @OneOf(['file'])
  use?: 'file';

  /**
   * Which data is refused: `unsafe`: what makes a hypervisor open other files; `match`: also what is not the image's
   * disk format.
   */
  @OneOf(['unsafe', 'match', 'off'])
  format_check: 'unsafe' | 'match' | 'off' = 'unsafe';

  /** MiB of image data that a project may have, Glance's `user_storage_quota`; 0: any number. */
  @WholeNumber(0, 1_073_741_824)
  project_quota = 0;

  /** MiB that an image may have, Glance's `image_size_cap`: 1 TiB. */
  @WholeNumber(1, 1_073_741_824)
  image_size_max = 1_048_576;

  @Nested(() => DataOptions)
  options = new DataOptions();
}
