import type { Image } from '@glimpse/domain';
import { loadImageExtensions } from '@glimpse/plugins';
import { checkImageExtension } from '@glimpse/plugins/testing';
import { describe, expect, it } from '@jest/globals';
import { diskConfig } from './disk-config.js';
import { imageSize } from './image-size.js';

const BUILT_IN = { size: imageSize, disk: diskConfig };

/** What a built-in extension adds to an image, loaded as configuration loads it. */
async function added(use: string, image: Partial<Image>, options = {}): Promise<object> {
  const [extension] = await loadImageExtensions([{ use, options }], BUILT_IN, () => Promise.resolve({}));
  return extension!.attributes({ properties: {}, ...image } as Image);
}

describe('OS-EXT-IMG-SIZE', () => {
  it.each(['integer', 'string'])('fulfils the contract of plugins, with %s', (as) =>
    checkImageExtension(imageSize, { as }),
  );

  it.each([
    [{}, 74185822, 74185822],
    [{ as: 'integer' }, 74185822, 74185822],
    [{ as: 'string' }, 74185822, '74185822'],
    [{}, 0, 0],
    [{ as: 'string' }, 9_007_199_254_740_991, '9007199254740991'],
  ])('with the options %j writes %j as %j', async (options, size, written) => {
    expect(await added('size', { size }, options)).toEqual({ 'OS-EXT-IMG-SIZE:size': written });
  });

  it.each([{ as: 'text' }, { as: '' }, { is: 'string' }])('refuses the options %j', async (options) => {
    await expect(added('size', { size: 1 }, options)).rejects.toThrow(/size/);
  });
});

describe('OS-DCF', () => {
  it('fulfils the contract of plugins', () => checkImageExtension(diskConfig));

  it.each(['1', 't', 'true', 'True', 'TRUE', 'on', 'On', 'y', 'yes', ' yes '])(
    'takes %j for AUTO',
    async (auto) => {
      const properties = { auto_disk_config: auto };
      expect(await added('disk', { properties })).toEqual({ 'OS-DCF:diskConfig': 'AUTO' });
    },
  );

  it.each(['0', 'false', 'False', 'off', 'no', 'n', '', '2', 'enabled', 'disabled'])(
    'takes %j for MANUAL',
    async (auto) => {
      const properties = { auto_disk_config: auto };
      expect(await added('disk', { properties })).toEqual({ 'OS-DCF:diskConfig': 'MANUAL' });
    },
  );

  it('adds nothing to an image without the property', async () => {
    expect(await added('disk', { properties: { disk_config: 'AUTO' } })).toEqual({});
  });
});
