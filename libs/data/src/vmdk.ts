import { hasText, sizeOf, type Inspection } from './head.js';

const SECTOR_BYTES = 512;

/** The kinds whose extents are all within the one file. */
const SELF_CONTAINED = new Set(['monolithicsparse', 'streamoptimized']);

/** Inspects the header of a sparse VMDK extent and the descriptor in it. Its numbers are little-endian. */
export function inspectVmdk(head: Buffer): Inspection {
  const refuse = (problem: string): Inspection => ({ format: 'vmdk', problem });
  if (hasText(head, 0, '# Disk DescriptorFile')) return refuse('its extents are other files');
  if (!hasText(head, 0, 'KDMV')) return refuse('this kind of vmdk is not supported');
  if (head.length < SECTOR_BYTES) return refuse('its header is truncated');
  const virtualSize = sizeOf(head.readBigUInt64LE(12) * BigInt(SECTOR_BYTES));
  if (virtualSize === undefined) return refuse('its size is out of range');
  const start = head.readBigUInt64LE(28) * BigInt(SECTOR_BYTES);
  const end = start + head.readBigUInt64LE(36) * BigInt(SECTOR_BYTES);
  if (start < SECTOR_BYTES || end <= start || end > head.length) {
    return refuse('its descriptor is not within its first bytes');
  }
  const problem = problemOf(head.toString('latin1', Number(start), Number(end)));
  return problem === undefined ? { format: 'vmdk', virtualSize } : refuse(problem);
}

/** What is wrong with a descriptor; undefined if it names no other file. */
function problemOf(descriptor: string): string | undefined {
  let kind = '';
  for (const text of descriptor.replace(/\0+$/, '').toLowerCase().split('\n')) {
    const line = text.trim();
    const [, name, value = ''] = /^([a-z]+)\s*=\s*"?([^"]*)"?$/.exec(line) ?? [];
    if (name === 'createtype') kind = value;
    if (name === 'parentfilenamehint') return 'it has a parent file';
    if (name === 'parentcid' && value !== 'ffffffff') return 'it has a parent file';
    if (/^(?:rw|rdonly|noaccess)\s/.test(line) && (!/\ssparse\s/.test(line) || /[/\\]/.test(line))) {
      return 'its extents are other files';
    }
  }
  return SELF_CONTAINED.has(kind) ? undefined : 'its kind is not self-contained';
}
