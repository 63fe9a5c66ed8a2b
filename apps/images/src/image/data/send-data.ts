import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import { DOWNLOAD_BYTES, Overloaded } from '../../http/overload.js';

/**
 * Counts a download until its response ends.
 *
 * @throws {Overloaded} there are as many as memory allows
 */
export function admitDownload({ raw, server: { downloads } }: FastifyReply): void {
  if (!downloads.admits(DOWNLOAD_BYTES)) throw new Overloaded();
  downloads.count(raw, DOWNLOAD_BYTES);
}

/**
 * Sends data with the status and headers of a reply, without Fastify: a chunk is written before the next one is
 * requested, so that one buffer serves for a whole download. Data that cannot be completed is broken off, and never
 * ends as if it were whole.
 */
export async function sendData(
  reply: FastifyReply,
  data: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const { raw, request, server } = reply.hijack();
  request.leaveLimit();
  if (server.stopping.aborted) void reply.header('connection', 'close');
  raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders);
  try {
    for await (const chunk of data) {
      await written(raw, request.raw.socket, chunk);
      server.downloads.progress(raw);
    }
    raw.end();
  } catch {
    raw.destroy();
  }
}

/** Resolves once the connection has taken a chunk. */
function written(response: ServerResponse, connection: Socket, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('The connection was closed.'));
    if (connection.destroyed) return onClose();
    connection.once('close', onClose);
    response.write(chunk, (error) => {
      connection.off('close', onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}
