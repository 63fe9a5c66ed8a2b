import type { GlanceResponse } from './glance-connections.js';
import { headerOf } from './headers.js';

/** The most that is read of a document before it is sent. */
const MAX_BYTES = 2 ** 20;

/**
 * Reads the document of a response to a change: what it shows of the image has to be shown here, too, before the client
 * has it. Any other body is left alone, and so is the rest of a larger one.
 */
export async function heldDocument({ headers, body }: GlanceResponse): Promise<Buffer | undefined> {
  const [type = ''] = (headerOf(headers, 'content-type') ?? '').split(';', 1);
  if (type.trim().toLowerCase() !== 'application/json') return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BYTES) break;
  }
  return Buffer.concat(chunks);
}

/** The value of a document; undefined where it is not JSON. */
export function parsed(document: Buffer | undefined): unknown {
  try {
    return document && (JSON.parse(document.toString()) as unknown);
  } catch {
    return undefined;
  }
}
