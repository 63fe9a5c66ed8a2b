import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { SentData } from '../../access/image-data.js';
import { UnsupportedMediaType } from '../../http/errors.js';

/** The media type of image data. */
export const OCTETS = 'application/octet-stream';

/** The header that names one of several stores. */
export const STORE_HEADER = 'x-image-meta-store';

/**
 * Passes the body of a request on as image data. What is left of it afterwards is dropped, not gathered.
 *
 * @throws {UnsupportedMediaType}, and what `store` throws
 */
export async function receiveData(
  request: FastifyRequest,
  store: (data: SentData) => Promise<void>,
): Promise<void> {
  const body = (request.body ?? Readable.from([])) as Readable;
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  try {
    if (request.sentMediaType !== OCTETS) throw new UnsupportedMediaType();
    await store({ body, size: encoding === undefined ? Number(length ?? 0) : undefined });
  } finally {
    body.destroy();
  }
}
