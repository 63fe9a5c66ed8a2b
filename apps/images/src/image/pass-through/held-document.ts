import { buffer } from 'node:stream/consumers';
import type { GlanceResponse } from './glance-connections.js';
import { headerOf } from './headers.js';

/** The largest document that is read before it is sent. */
const MAX_BYTES = 2 ** 20;

/**
 * Reads the document of a response to a change: what it shows of the image has to be shown here, too, before the client
 * has it. Any other body is left alone.
 */
export async function heldDocument({ headers, body }: GlanceResponse): Promise<Buffer | undefined> {
  const [type = ''] = (headerOf(headers, 'content-type') ?? '').split(';', 1);
  const length = Number(headerOf(headers, 'content-length') ?? NaN);
  const isSmall = length > 0 && length <= MAX_BYTES;
  return isSmall && type.trim().toLowerCase() === 'application/json' ? buffer(body) : undefined;
}

/** The value of a document; undefined where it is not JSON. */
export function parsed(document: Buffer | undefined): unknown {
  try {
    return document && (JSON.parse(document.toString()) as unknown);
  } catch {
    return undefined;
  }
}
