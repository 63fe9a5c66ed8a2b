import { definePlugin } from '@glimpse/plugins';

/** The values that oslo.utils' `bool_from_string` accepts as true. */
const TRUE = new Set(['1', 't', 'true', 'on', 'y', 'yes']);

/** `OS-DCF`: whether the disk of a new server is partitioned automatically, for images with `auto_disk_config`. */
export const diskConfig = definePlugin({
  kind: 'image-extension',
  contract: 1,
  create: () => ({
    alias: 'OS-DCF',
    name: 'DiskConfig',
    namespace: 'http://docs.openstack.org/compute/ext/fake_xml',
    updated: '2014-12-03T00:00:00Z',
    description: 'Disk Management Extension.',
    attributes: ({ properties: { auto_disk_config: auto } }): Record<string, string> =>
      auto === undefined || auto === null
        ? {}
        : { 'OS-DCF:diskConfig': TRUE.has(auto.trim().toLowerCase()) ? 'AUTO' : 'MANUAL' },
  }),
});
