import { HEAD_BYTES, inspectHead, type Inspection } from '@glimpse/data';
import type { Image } from '@glimpse/domain';
import type { DataSettings } from '../settings/data.js';
import { UnsafeData } from './data-errors.js';

/** Disk formats whose data has a header of its own. Of the others each content may be right. */
const RECOGNIZED = new Set(['qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx', 'iso', 'qed']);

/** Inspects the first bytes of data as it passes, whatever disk format its image has. */
export class FormatCheck {
  #inspection: Inspection = { format: 'raw' };

  constructor(
    private readonly image: Pick<Image, 'diskFormat' | 'containerFormat'>,
    private readonly mode: DataSettings['format_check'],
  ) {}

  /** The same data. @throws {UnsafeData} before the first byte, if it is refused */
  async *pass(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let chunks: Uint8Array[] | undefined = [];
    let length = 0;
    for await (const chunk of bytes) {
      if (!chunks) {
        yield chunk;
        continue;
      }
      chunks.push(chunk);
      length += chunk.length;
      if (length < HEAD_BYTES) continue;
      this.#inspect(Buffer.concat(chunks));
      yield* chunks;
      chunks = undefined;
    }
    if (!chunks) return;
    this.#inspect(Buffer.concat(chunks));
    yield* chunks;
  }

  /** The bytes of the disk, once all data has passed; null where they are not known. */
  virtualSizeOf(size: number): number | null {
    const { diskFormat, containerFormat } = this.image;
    // Of an empty upload Glance says nothing either.
    if (containerFormat !== 'bare' || size === 0) return null;
    if (diskFormat === 'raw' || diskFormat === 'iso') return size;
    return this.#inspection.format === diskFormat ? (this.#inspection.virtualSize ?? null) : null;
  }

  #inspect(data: Buffer): void {
    const inspection = inspectHead(data.subarray(0, HEAD_BYTES));
    this.#inspection = inspection;
    const { format, problem } = inspection;
    if (this.mode === 'off') return;
    if (problem !== undefined) throw new UnsafeData(format, problem);
    const { diskFormat } = this.image;
    if (this.mode !== 'match' || format === diskFormat) return;
    if (format === 'raw' && !RECOGNIZED.has(diskFormat ?? 'raw')) return;
    throw new UnsafeData(format, `the disk format of its image is ${diskFormat}`);
  }
}
