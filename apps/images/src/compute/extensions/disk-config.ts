import { definePlugin } from '@glimpse/plugins';

/** What oslo.utils' `bool_from_string` takes for true. */
const TRUE = new Set(['1', 't', 'true', 'on', 'y', 'yes']);

/** `OS-DCF`: whether a server's disk is partitioned for it, of images that have `auto_disk_config`. */
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
      auto === undefined
        ? {}
        : { 'OS-DCF:diskConfig': TRUE.has(auto.trim().toLowerCase()) ? 'AUTO' : 'MANUAL' },
  }),
});
