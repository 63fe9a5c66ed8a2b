import { hasText, sizeOf, type Inspection } from './head.js';
import { inspectQcow2 } from './qcow2.js';
import { inspectVmdk } from './vmdk.js';

/** The most bytes at the beginning of an image that are inspected. */
export const HEAD_BYTES = 65_536;

/** Inspects the first bytes of a disk image, up to {@link HEAD_BYTES} of them. Reads nothing else, and never throws. */
export function inspectHead(head: Buffer): Inspection {
  if (hasText(head, 0, 'QFI\xfb')) return inspectQcow2(head);
  if (hasText(head, 0, 'QED\0')) return { format: 'qed', problem: 'the format qed is not supported' };
  if (hasText(head, 0, 'KDMV') || hasText(head, 0, 'COWD') || hasText(head, 0, '# Disk DescriptorFile')) {
    return inspectVmdk(head);
  }
  if (hasText(head, 0, 'vhdxfile')) return { format: 'vhdx' };
  if (hasText(head, 0, 'conectix')) return inspectVhd(head);
  if (head.length >= 376 && head.readUInt32LE(64) === VDI_SIGNATURE) {
    return sized('vdi', head.readBigUInt64LE(368));
  }
  // ISO 9660, and UDF.
  if (['CD001', 'BEA01', 'NSR0'].some((text) => hasText(head, 0x8001, text))) return { format: 'iso' };
  return { format: 'raw' };
}

const VDI_SIGNATURE = 0xbeda107f;

/** A dynamic disk; a fixed one has this at its end, and looks raw. A differencing one names another file. */
function inspectVhd(head: Buffer): Inspection {
  if (head.length < 64) return { format: 'vhd', problem: 'its header is truncated' };
  if (head.readUInt32BE(60) === 4) return { format: 'vhd', problem: 'it has a parent file' };
  return sized('vhd', head.readBigUInt64BE(48));
}

function sized(format: string, bytes: bigint): Inspection {
  const virtualSize = sizeOf(bytes);
  return virtualSize === undefined
    ? { format, problem: 'its size is out of range' }
    : { format, virtualSize };
}
