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

  @Nested(() => DataOptions)
  options = new DataOptions();
}
