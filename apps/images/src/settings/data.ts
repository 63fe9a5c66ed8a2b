import { Matching, Nested, OneOf, Optional, Text, WholeNumber } from '@glimpse/options';
import { BaseUrl } from './decorators.js';

export type BuiltInStore = 'file' | 's3';

const BUILT_IN: readonly string[] = ['file', 's3'] satisfies BuiltInStore[];

/** Whether the options of a store are its own, not settings. */
export const hasOwnOptions = (use: unknown): boolean =>
  use !== undefined && !BUILT_IN.includes(use as string);

/** The keys of a bucket begin with it. */
const isPrefix = (text: string): boolean => /^[\w!.*'()/-]{0,512}$/.test(text) && !text.startsWith('/');

export class DataOptions {
  /** Of `file`: the folder of the store; unset in development: `images` in the data folder. */
  @Optional()
  @Text()
  path?: string;

  /** MiB of the file system that are left free: below it uploads are refused. */
  @WholeNumber(0, 1_048_576)
  reserve = 1024;

  /** Of `s3`, like all that follow. */
  @Optional()
  @Text()
  bucket?: string;

  /** The beginning of each key in the bucket. */
  @Optional()
  @Matching("letters, digits and !_.*'()/-, and no / at the beginning", isPrefix)
  prefix?: string;

  /** The URL of the service; unset: that of AWS. */
  @Optional()
  @BaseUrl()
  endpoint?: string;

  @Text()
  region = 'us-east-1';

  /** Whether the bucket is part of the path, not of the host name. */
  @OneOf(['on', 'off'])
  path_style: 'on' | 'off' = 'on';

  /** A file with the certificates of the authorities that the service's certificate must be signed by. */
  @Optional()
  @Text()
  ca_file?: string;

  /** The files of the access key and its secret; unset: the credentials of the environment. */
  @Optional()
  @Text()
  access_key_file?: string;

  @Optional()
  @Text()
  secret_key_file?: string;

  /** The most uploads that one process receives at a time. */
  @WholeNumber(1, 1024)
  uploads = 8;

  /** Seconds within which the service has to respond. */
  @WholeNumber(1, 3600)
  timeout = 60;
}

/** The names of stores: documents list them with commas. */
const isStoreName = (text: string): boolean =>
  /^[A-Za-z0-9][\w.-]{0,63}$/.test(text) && !text.startsWith('os_glance_');

/** One of several stores. */
export class StoreSettings {
  /** The name by which clients know it. */
  @Matching('letters, digits and _.-, and no os_glance_ at the beginning', isStoreName)
  id!: string;

  @Text()
  use!: string;

  /** What clients read of it. */
  @Optional()
  @Text()
  description?: string;

  /** A plugin reads its own options: {@link hasOwnOptions}. */
  @Nested(() => DataOptions)
  options = new DataOptions();
}

export class DataSettings {
  /** Where image data is stored: `file`, `s3` or a plugin; unset: `file` in development, nowhere in production. */
  @Optional()
  @Text()
  use?: string;

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

  /** A plugin reads its own options: {@link hasOwnOptions}. */
  @Nested(() => DataOptions)
  options = new DataOptions();

  /** Several stores, in place of `use` and `options`. */
  @Nested(() => StoreSettings)
  stores: StoreSettings[] = [];

  /** The store of uploads that name none; the only one unless set. */
  @Optional()
  @Text()
  default_store?: string;
}

/** A store of image data, as the settings describe it. */
export interface ConfiguredStore {
  /** Undefined where it is the only one, which is known by its kind. */
  readonly name: string | undefined;
  readonly use: string;
  readonly description?: string | undefined;
  readonly isDefault: boolean;
  readonly options: DataOptions;
  /** The path of its options in the settings. */
  readonly path: string;
}

/** The stores of image data; none where there is no store. */
export function configuredStores({ use, options, stores, default_store }: DataSettings): ConfiguredStore[] {
  if (stores.length > 0) {
    return stores.map((store, at) => ({
      ...{ name: store.id, use: store.use, description: store.description, options: store.options },
      isDefault: store.id === default_store,
      path: `data.stores.${at}.options`,
    }));
  }
  return use === undefined ? [] : [{ name: undefined, use, isDefault: true, options, path: 'data.options' }];
}

/** The name of a store as clients see it. That of a plugin would be a module of this machine. */
export const shownNameOf = ({ name, use }: Pick<ConfiguredStore, 'name' | 'use'>): string =>
  name ?? (hasOwnOptions(use) ? 'plugin' : use);
