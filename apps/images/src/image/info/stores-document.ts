import { FILE_WRITE_BYTES, S3_PARTS_AT_A_TIME, S3_PART_BYTES } from '@glimpse/data';
import {
  configuredStores,
  hasOwnOptions,
  shownNameOf,
  type ConfiguredStore,
  type DataSettings,
} from '../../settings/data.js';

/** A store, as Glance describes it. */
interface StoreDocument {
  readonly id: string;
  readonly description?: string;
  readonly default?: 'true';
}

/** The same, as Glance describes it to administrators. */
interface DetailedStoreDocument extends StoreDocument {
  readonly type: string;
  readonly properties: object;
}

const shown = ({ name, use, description, isDefault }: ConfiguredStore): StoreDocument => ({
  id: shownNameOf({ name, use }),
  ...(description !== undefined && { description }),
  ...(isDefault && { default: 'true' as const }),
});

/** The stores that have names; null where they have none, as in a Glance without several stores. */
export function storesDocument(data: DataSettings): { stores: StoreDocument[] } | null {
  return data.stores.length === 0 ? null : { stores: configuredStores(data).map(shown) };
}

/** The same with the details of each store. */
export function detailedStoresDocument(data: DataSettings): { stores: DetailedStoreDocument[] } | null {
  if (data.stores.length === 0) return null;
  const stores = configuredStores(data).map((store) => ({
    ...shown(store),
    type: hasOwnOptions(store.use) ? 'plugin' : store.use,
    properties: propertiesOf(store),
  }));
  return { stores };
}

/** The properties of a store, by Glance's names and in its units. */
function propertiesOf({ use, options }: ConfiguredStore): object {
  if (use === 'file') {
    return { data_dir: options.path, chunk_size: FILE_WRITE_BYTES, thin_provisioning: false };
  }
  if (use !== 's3') return {};
  const partMebibytes = S3_PART_BYTES / 2 ** 20;
  return {
    s3_store_large_object_size: partMebibytes,
    s3_store_large_object_chunk_size: partMebibytes,
    s3_store_thread_pools: S3_PARTS_AT_A_TIME,
  };
}
