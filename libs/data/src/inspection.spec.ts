import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HEAD_BYTES, inspectHead } from './inspection.js';
import { headOf, type Sample } from './testing/samples.js';

const MIB = 2 ** 20;

describe('the inspection of an image', () => {
  it.each<[Sample, string, number | undefined]>([
    ['qcow2', 'qcow2', 10 * MIB],
    ['qcow2-v2', 'qcow2', 10 * MIB],
    ['qcow2-large-clusters', 'qcow2', 10 * MIB],
    ['qcow2-extended', 'qcow2', 10 * MIB],
    ['vmdk-sparse', 'vmdk', 10 * MIB],
    ['vmdk-stream', 'vmdk', MIB],
    ['vdi', 'vdi', 10 * MIB],
    ['vhdx', 'vhdx', undefined],
    ['raw', 'raw', undefined],
  ])('finds format and size: %s', (sample, format, virtualSize) => {
    const inspection = inspectHead(headOf(sample));
    expect(inspection.problem).toBeUndefined();
    expect(inspection).toMatchObject({ format, ...(virtualSize !== undefined && { virtualSize }) });
  });

  it('finds a dynamic vhd, whose size is that of its geometry', () => {
    const { format, virtualSize, problem } = inspectHead(headOf('vhd'));
    expect([format, problem]).toEqual(['vhd', undefined]);
    expect(virtualSize! / MIB).toBeGreaterThanOrEqual(10);
    expect(virtualSize! / MIB).toBeLessThan(11);
  });

  it.each<[Sample, string]>([
    ['qcow2-backing', 'it has a backing file'],
    ['qcow2-data-file', 'it has an external data file'],
    ['vmdk-flat', 'its extents are other files'],
    ['vmdk-two', 'its extents are other files'],
    ['vmdk-backing', 'it has a parent file'],
    ['qed', 'the format qed is not supported'],
  ])('refuses what makes a hypervisor open other files: %s', (sample, problem) => {
    expect(inspectHead(headOf(sample)).problem).toBe(problem);
  });

  it('refuses a qcow2 that names a data file without the feature bit, and a truncated or absurd one', () => {
    const named = headOf('qcow2');
    const end = named.readUInt32BE(100);
    named.writeUInt32BE(0x44415441, end);
    named.writeUInt32BE(8, end + 4);
    expect(inspectHead(named).problem).toBe('it has an external data file');
    expect(inspectHead(headOf('qcow2').subarray(0, 50)).problem).toBe('its header is truncated');
    const huge = headOf('qcow2');
    huge.fill(0xff, 24, 32);
    expect(inspectHead(huge).problem).toBe('its size is out of range');
  });

  it('finds an ISO image before the boot sector in it', () => {
    const iso = Buffer.alloc(HEAD_BYTES);
    iso.writeUInt16LE(0xaa55, 510);
    iso.write('CD001', 0x8001);
    expect(inspectHead(iso)).toEqual({ format: 'iso' });
  });

  it('never throws, whatever the bytes', () => {
    const samples = (['qcow2', 'vmdk-sparse', 'vdi', 'vhd'] as const).map(headOf);
    const change = fc.tuple(fc.nat(600), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.array(change), fc.nat(1200), (sample, changes, length) => {
        const head = Buffer.from(sample.subarray(0, length));
        for (const [at, value] of changes) if (at >= 4 && at < head.length) head[at] = value;
        expect(typeof inspectHead(head).format).toBe('string');
      }),
    );
  });
});
