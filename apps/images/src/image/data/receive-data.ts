import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { UnsupportedMediaType } from '../../http/errors.js';

/** The media type of image data. */
export const OCTETS = 'application/octet-stream';

/**
 * Passes the body of a request on as image data. What is left of it afterwards is dropped, not gathered.
 *
 * @throws {UnsupportedMediaType}, and what `store` throws
 */
export async function receiveData(
  { body = Readable.from([]), sentMediaType }: FastifyRequest,
  store: (data: Readable) => Promise<void>,
): Promise<void> {
  const data = body as Readable;
  try {
    if (sentMediaType !== OCTETS) throw new UnsupportedMediaType();
    await store(data);
  } finally {
    data.destroy();
  }
}
