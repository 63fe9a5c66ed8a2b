import { DomainError } from '@glimpse/domain';
import type { ByteRange } from '@glimpse/plugins';
import { MalformedRequest } from '../../http/errors.js';

/** The requested range is no part of the data. */
export class RangeNotSatisfiable extends DomainError {
  readonly code = 'range-not-satisfiable';

  constructor(
    /** Bytes of the whole. */
    readonly size: number,
  ) {
    super(`The requested range is not within the ${size} bytes of the image.`);
  }
}

/**
 * The one range that a `Range` header names.
 *
 * @throws {RangeNotSatisfiable} also for another unit; {MalformedRequest} several ranges
 */
export function byteRangeOf(header: string, size: number): ByteRange {
  if (header.includes(',')) throw new MalformedRequest('Requests with multiple ranges are not supported.');
  const [, first, last] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header) ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) {
    throw new RangeNotSatisfiable(size);
  }
  const range =
    first === ''
      ? { first: Math.max(0, size - Number(last)), last: size - 1 }
      : { first: Number(first), last: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
  if (range.first > range.last) throw new RangeNotSatisfiable(size);
  return range;
}
