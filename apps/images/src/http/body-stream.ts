import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { MalformedRequest, RequestTimeout } from './errors.js';

/**
 * The body of a request as a stream, of any length, with back-pressure. It fails when the client is silent for too
 * long or closes the connection, but never while the reader pauses; a response can still be sent after it failed.
 *
 * @param silenceMs after which the stream fails with {@link RequestTimeout}
 */
export function streamOf(request: IncomingMessage, silenceMs: number): Readable {
  const body = new PassThrough();
  const onSilence = (): void => {
    if (body.readableLength > 0) timer.refresh();
    else fail(new RequestTimeout());
  };
  const timer = setTimeout(onSilence, silenceMs);
  const fail = (error: Error): void => {
    request.unpipe(body).resume();
    body.destroy(error);
  };
  const onClose = (): void => {
    if (!request.complete) fail(new MalformedRequest('The request body is incomplete.'));
  };
  request.on('data', () => timer.refresh());
  request.once('close', onClose);
  request.on('error', () => undefined);
  // It may fail before its reader has begun; the reader gets the error then.
  body.on('error', () => undefined);
  body.once('close', () => clearTimeout(timer));
  return request.pipe(body);
}
