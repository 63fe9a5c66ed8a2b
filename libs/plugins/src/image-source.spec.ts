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
    blindness: fail,
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
  it('answers what its contract says, whichever copy of the domain that comes from', async () => {
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

  it('cannot be asked where it throws anything else, which is told without the token', async () => {
    const { source, faults } = failing(new TypeError('token-1 is not a function'));
    await expect(source.deleteImage(ID, 'token-1')).rejects.toThrow(SourceUnavailable);
    await expect(source.image(ID)).rejects.toThrow(SourceUnavailable);
    expect(faults).toEqual(['TypeError: *** is not a function', 'TypeError: token-1 is not a function']);
  });

  it('is tried for distrust if it can be', async () => {
    const { source, faults } = failing(new Error('no'));
    expect(source.distrust).toBeUndefined();
    const trying = isolateImageSource(
      { ...source, distrust: () => Promise.reject(new Error('no')) },
      (reason) => faults.push(reason),
    );
    await expect(trying.distrust!()).rejects.toThrow(SourceUnavailable);
    expect(faults).toEqual(['Error: no']);
  });

  it('says where it is as soon as it knows', () => {
    const given = failing(undefined).source;
    expect(given.url).toBe('http://glance.example.com');
  });
});
