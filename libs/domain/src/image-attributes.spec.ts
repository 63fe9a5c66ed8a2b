import { describe, expect, it } from '@jest/globals';
import { BASE_ATTRIBUTES } from './image-attributes.js';

/** An image as Glance 25.1.0 writes it, with two custom properties. */
const DOCUMENT = {
  architecture: 'x86_64',
  kernel_id: 'nokernel',
  name: 'fakeimage7',
  disk_format: 'qcow2',
  container_format: 'bare',
  visibility: 'public',
  size: 74185822,
  virtual_size: null,
  status: 'active',
  checksum: null,
  protected: false,
  min_ram: 0,
  min_disk: 0,
  owner: '6844db25ecb04bcda32cadcbba8844e1',
  os_hidden: false,
  os_hash_algo: null,
  os_hash_value: null,
  id: '70a599e0-31e7-49b7-b260-868f441e862b',
  created_at: '2011-01-01T01:02:03Z',
  updated_at: '2011-01-01T01:02:03Z',
  direct_url: 'file:///images/70a599e0',
  locations: [],
  stores: 'file',
  tags: [],
  self: '/v2/images/70a599e0-31e7-49b7-b260-868f441e862b',
  file: '/v2/images/70a599e0-31e7-49b7-b260-868f441e862b/file',
  schema: '/v2/schemas/image',
};

describe('BASE_ATTRIBUTES', () => {
  it('leaves of an image document of Glance the custom properties alone', () => {
    expect(Object.keys(DOCUMENT).filter((key) => !BASE_ATTRIBUTES.has(key))).toEqual([
      'architecture',
      'kernel_id',
    ]);
  });
});
