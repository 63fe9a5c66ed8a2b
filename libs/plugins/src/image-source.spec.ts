import { describe, expect, it } from '@jest/globals';
import { ChangeRefused, ImageNotFound, SourceUnavailable } from '@glimpse/domain';
import type { ImageSource } from './contract.js';
import { isolateImageSource } from './image-source.js';

const ID = '70a599e0-31e7-49b7-b260-868f441e862b';

function failing(error: unknown): { source: ImageSource; faults: string[] } {
  const fail = (): Promise<never> => Promise.reject(error);
  const faults: string[] = [];
  const source: ImageSource = {
    url: 'http://glance.example.com',
    missingReadAccess: fail,
    page: fail,
    newestChange: fail,
    image: fail,
    members: fail,
    changeProperties: fail,
    deleteImage: fail,
  };
  return { source: isolateImageSource(source, (reason) => faults.push(reason)), faults };
}

const foreign = (code: string, message: string): Error => Object.assign(new Error(message), { code });

describe('a source that is isolated', () => {
  it('throws the errors of its contract, whichever copy of the domain they come from', async () => {
    const missing = failing(foreign('image-not-found', 'no such image'));
    await expect(
      missing.source.changeProperties(ID, { kind: 'remove', key: 'a' }, {}, 'token'),
    ).rejects.toThrow(new ImageNotFound(ID));
    const refused = failing(foreign('change-refused', 'the value is too long'));
    await expect(refused.source.deleteImage(ID, 'token')).rejects.toThrow(ChangeRefused);
    await expect(refused.source.deleteImage(ID, 'token')).rejects.toThrow('the value is too long');
    const away = failing(foreign('catalogue-unavailable', 'connection refused'));
    await expect(away.source.page({ hidden: false })).rejects.toThrow(SourceUnavailable);
    expect([...missing.faults, ...refused.faults, ...away.faults]).toEqual([]);
  });

  it('is unavailable where it throws anything else, which is reported without the token', async () => {
    const { source, faults } = failing(new TypeError('token-1 is not a function'));
    await expect(source.deleteImage(ID, 'token-1')).rejects.toThrow(SourceUnavailable);
    await expect(source.image(ID)).rejects.toThrow(SourceUnavailable);
    expect(faults).toEqual(['TypeError: *** is not a function', 'TypeError: token-1 is not a function']);
  });

  it('is checked for missing write access if it can be', async () => {
    const { source, faults } = failing(new Error('no'));
    expect(source.missingWriteAccess).toBeUndefined();
    const trying = isolateImageSource(
      { ...source, missingWriteAccess: () => Promise.reject(new Error('no')) },
      (reason) => faults.push(reason),
    );
    await expect(trying.missingWriteAccess!()).rejects.toThrow(SourceUnavailable);
    expect(faults).toEqual(['Error: no']);
  });

  it('may have the names of release 0.1', async () => {
    const requestedAt = new Date();
    const { missingReadAccess: _, ...others } = failing(new Error('no')).source;
    const former = {
      ...others,
      blindness: async () => 'no role',
      distrust: async () => 'no access',
      page: async () => ({ images: [], bad: [], next: undefined, askedAt: requestedAt }),
    };
    const source = isolateImageSource(former as object as ImageSource, () => undefined);
    expect(await source.missingReadAccess()).toBe('no role');
    expect(await source.missingWriteAccess!()).toBe('no access');
    expect(await source.page({ hidden: false })).toMatchObject({ requestedAt });
  });

  it('has a URL as soon as it is known', () => {
    const given = failing(undefined).source;
    expect(given.url).toBe('http://glance.example.com');
  });
});
