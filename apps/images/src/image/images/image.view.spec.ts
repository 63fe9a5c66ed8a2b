import { imageOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import { imageView } from './image.view.js';

const HIDDEN = { show_direct_url: 'off', show_locations: 'off' } as const;
const LOCATIONS = { stores: 'fs', direct_url: 'file:///a', locations: [] };

describe('the document of an image', () => {
  it('has custom properties first, then the attributes in the order of Glance', () => {
    const document = imageView(
      imageOf({
        id: '70a599e0-31e7-49b7-b260-868f441e862b',
        shownId: '70A599E0-31E7-49B7-B260-868F441E862B',
        owner: 'p',
        properties: { os_distro: 'debian', '': 'empty', kernel_id: null, __proto__x: 'y', 'a/b': 'c' },
        tags: ['x'],
        updatedAt: new Date('2026-01-02T03:04:05.678Z'),
        locations: LOCATIONS,
      }),
      'everyone',
      HIDDEN,
    );
    expect(JSON.stringify(document)).toBe(
      JSON.stringify({
        os_distro: 'debian',
        '': 'empty',
        kernel_id: null,
        __proto__x: 'y',
        'a/b': 'c',
        name: 'cirros',
        disk_format: null,
        container_format: null,
        visibility: 'public',
        size: 1,
        virtual_size: null,
        status: 'active',
        checksum: null,
        protected: false,
        min_ram: 0,
        min_disk: 0,
        owner: 'p',
        os_hidden: false,
        os_hash_algo: null,
        os_hash_value: null,
        id: '70A599E0-31E7-49B7-B260-868F441E862B',
        created_at: '2026-01-01T00:00:00Z',
        updated_at: '2026-01-02T03:04:05Z',
        tags: ['x'],
        self: '/v2/images/70A599E0-31E7-49B7-B260-868F441E862B',
        file: '/v2/images/70A599E0-31E7-49B7-B260-868F441E862B/file',
        schema: '/v2/schemas/image',
        stores: 'fs',
      }),
    );
  });

  it.each([
    [HIDDEN, ['stores']],
    [{ ...HIDDEN, show_direct_url: 'on' as const }, ['stores', 'direct_url']],
    [{ ...HIDDEN, show_locations: 'on' as const }, ['stores', 'locations']],
  ])('shows where the data is by the settings %j', (shown, names) => {
    const document = imageView(imageOf({ locations: LOCATIONS }), 'everyone', shown);
    expect(Object.keys(document).filter((name) => name in LOCATIONS)).toEqual(names);
  });
});
