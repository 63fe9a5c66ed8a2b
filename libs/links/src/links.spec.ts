import { describe, expect, it } from '@jest/globals';
import { imageLinks } from './links.js';

describe('imageLinks', () => {
  it('leads to the image, without the version, and to the image service', () => {
    const links = imageLinks(
      {
        compute: 'http://openstack.example.com',
        image: 'http://glance.openstack.example.com',
        version: 'v2.1',
        project: undefined,
      },
      '70a599e0-31e7-49b7-b260-868f441e862b',
    );
    expect(links[0].href).toBe(
      'http://openstack.example.com/v2.1/images/70a599e0-31e7-49b7-b260-868f441e862b',
    );
  });
});
