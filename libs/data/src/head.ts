/** What the first bytes of a disk image say. */
export interface Inspection {
  /** The `disk_format` that the data is; `raw` where nothing says otherwise. */
  readonly format: string;
  /** Bytes of the disk; undefined where the head does not say, or the data is raw. */
  readonly virtualSize?: number | undefined;
  /** Why it is unsafe to open the image: it makes a hypervisor open other files, or is not what it claims to be. */
  readonly problem?: string | undefined;
}

/** Whether the text is at this place. */
export function hasText(head: Buffer, at: number, text: string): boolean {
  return head.length >= at + text.length && head.toString('latin1', at, at + text.length) === text;
}

/** A size as a number; undefined where it is no size that a disk can have. */
export function sizeOf(bytes: bigint): number | undefined {
  return bytes <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bytes) : undefined;
}
