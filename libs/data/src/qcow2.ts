import { sizeOf, type Inspection } from './head.js';

/** Incompatible features: dirty, corrupt, external data file, compression type, extended L2 entries. */
const KNOWN_FEATURES = 0b11111n;
const DATA_FILE_FEATURE = 0b100n;

/** Header extensions: the end, and the name of an external data file. */
const END_EXTENSION = 0;
const DATA_FILE_EXTENSION = 0x44415441;

/**
 * Inspects the header of a qcow2 image. Its numbers are big-endian.
 *
 * @see {@link https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.rst}
 */
export function inspectQcow2(head: Buffer): Inspection {
  const refuse = (problem: string): Inspection => ({ format: 'qcow2', problem });
  if (head.length < 72) return refuse('its header is truncated');
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) return refuse(`its version is ${version}; it must be 2 or 3`);
  const virtualSize = sizeOf(head.readBigUInt64BE(24));
  if (virtualSize === undefined) return refuse('its size is out of range');
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) return refuse('its cluster size is out of range');
  if (head.readBigUInt64BE(8) !== 0n || head.readUInt32BE(16) !== 0) return refuse('it has a backing file');
  const clusterBytes = 2 ** clusterBits;
  let at = 72;
  if (version === 3) {
    if (head.length < 104) return refuse('its header is truncated');
    const features = head.readBigUInt64BE(72);
    if (features & DATA_FILE_FEATURE) return refuse('it has an external data file');
    if (features & ~KNOWN_FEATURES) return refuse('it has unknown features');
    at = head.readUInt32BE(100);
    if (at < 104 || at > clusterBytes || at % 8 !== 0) return refuse('its header length is out of range');
  }
  // Extensions are within the first cluster. Those beyond the head would not be inspected, but a hypervisor reads them.
  while (at + 8 <= clusterBytes) {
    if (at + 8 > head.length) return refuse('its header extensions are truncated');
    const type = head.readUInt32BE(at);
    if (type === END_EXTENSION) break;
    if (type === DATA_FILE_EXTENSION) return refuse('it has an external data file');
    at += 8 + Math.ceil(head.readUInt32BE(at + 4) / 8) * 8;
    if (at > clusterBytes) return refuse('its header extensions are too long');
  }
  return { format: 'qcow2', virtualSize };
}
