import { growth } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidMicroversion, UnsupportedMicroversion, isAfter, negotiate } from './microversions.js';

const MAX = '2.38';
const OPENSTACK = 'openstack-api-version';
const NOVA = 'x-openstack-nova-api-version';

describe('negotiate', () => {
  it.each<[Record<string, string | string[]>, string]>([
    [{}, '2.1'],
    [{ [NOVA]: '2.35' }, '2.35'],
    [{ [NOVA]: ' 2.35 ' }, '2.35'],
    [{ [NOVA]: 'latest' }, MAX],
    [{ [NOVA]: '2.2, 2.3' }, '2.3'],
    [{ [NOVA]: ['2.2', '2.3'] }, '2.3'],
    [{ [OPENSTACK]: 'compute 2.35' }, '2.35'],
    [{ [OPENSTACK]: 'Compute   2.35' }, '2.35'],
    [{ [OPENSTACK]: 'compute latest' }, MAX],
    [{ [OPENSTACK]: 'compute 2.2, compute 2.3' }, '2.3'],
    [{ [OPENSTACK]: ['compute 2.2', 'image 2.9', 'compute 2.3', 'volume 3.1'] }, '2.3'],
    [{ [OPENSTACK]: 'image 2.9' }, '2.1'],
    [{ [OPENSTACK]: 'compute' }, '2.1'],
    [{ [OPENSTACK]: '' }, '2.1'],
    [{ [OPENSTACK]: ',,' }, '2.1'],
    [{ [OPENSTACK]: 'compute 2.2', [NOVA]: '2.35' }, '2.2'],
    [{ [OPENSTACK]: 'image 2.9', [NOVA]: '2.35' }, '2.35'],
    [{ [OPENSTACK]: 'compute', [NOVA]: '2.35' }, '2.35'],
    [{ [OPENSTACK]: 'compute 2.38' }, MAX],
  ])('finds in %j the microversion %s', (headers, version) => {
    expect(negotiate(headers, MAX)).toBe(version);
  });

  it.each([
    '2',
    '2.',
    '.1',
    '2.01',
    '02.1',
    '2.1.1',
    '-2.1',
    '+2.1',
    '2.x',
    'two',
    'LATEST',
    '2.1 2.2',
    '٢.١',
    '2.1\u00a0x',
  ])('refuses what is no microversion: %j', (text) => {
    expect(() => negotiate({ [OPENSTACK]: `compute ${text}` }, MAX)).toThrow(InvalidMicroversion);
  });

  it('refuses an empty one of Nova', () => {
    expect(() => negotiate({ [NOVA]: '' }, MAX)).toThrow(InvalidMicroversion);
  });

  it.each(['2.0', '1.9', '2.39', '3.0', '3.1', '10.1', '2.99999999999999999999'])(
    'does not speak %s, and names what it speaks',
    (version) => {
      const negotiated = (): string => negotiate({ [NOVA]: version }, MAX);
      expect(negotiated).toThrow(UnsupportedMicroversion);
      expect(negotiated).toThrow(
        `Version ${version} is not supported by the API. Minimum is 2.1 and maximum is 2.38.`,
      );
    },
  );

  it('accepts every one from the lowest to the highest', () => {
    fc.assert(
      fc.property(fc.nat(200), (minor) => {
        const negotiated = (): string => negotiate({ [NOVA]: `2.${minor}` }, MAX);
        if (minor >= 1 && minor <= 38) expect(negotiated()).toBe(`2.${minor}`);
        else expect(negotiated).toThrow(UnsupportedMicroversion);
      }),
    );
  });

  it('returns a microversion or throws its own errors for any header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (nova, openstack) => {
        try {
          expect(negotiate({ [NOVA]: nova, [OPENSTACK]: openstack }, MAX)).toMatch(/^2\.[1-9]\d*$/);
        } catch (error) {
          expect([InvalidMicroversion, UnsupportedMicroversion]).toContain((error as Error).constructor);
        }
      }),
    );
  });

  it.each(['compute ', ' ', ',', 'compute,', '2.'])(
    'reads a header of many %j in time that grows with its length',
    (piece) => {
      const read = (count: number): void => {
        const header = piece.repeat(count);
        try {
          negotiate({ [OPENSTACK]: header, [NOVA]: header }, MAX);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidMicroversion);
        }
      };
      // A hundred times the length: about a hundred times as long, where quadratic time would be ten thousand.
      expect(growth(read, 1_000, 100_000)).toBeLessThan(2_000);
    },
  );
});

describe('isAfter', () => {
  it('compares by numbers, not by letters', () => {
    expect(isAfter('2.10', '2.9')).toBe(true);
    expect(isAfter('2.9', '2.10')).toBe(false);
    expect(isAfter('3.0', '2.99')).toBe(true);
    expect(isAfter('2.38', '2.38')).toBe(false);
  });
});
