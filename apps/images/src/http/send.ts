import type { OutgoingHttpHeaders } from 'node:http';
import { DomainError, type ChangeOptions, type Image, type Reading } from '@glimpse/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { shown, type Shown } from './image-documents.js';

/** The image is not in the state that `If-Match` names. */
export class PreconditionFailed extends DomainError {
  readonly code = 'precondition-failed';

  constructor() {
    super('The image is not in the state that If-Match names.');
  }
}

/** Whether a list of entity tags holds one (RFC 9110, 13.1). A weak one never matches strongly. */
function names(header: string, tag: string, { weakly }: { weakly: boolean }): boolean {
  if (header.trim() === '*') return true;
  const tags = header.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((listed) => (weakly ? listed.replace(/^W\//, '') : listed) === tag);
}

/** Sends a document. As bytes: to a text Fastify would add a charset, which Nova's answers do not have. */
export function sendDocument(reply: FastifyReply, document: object): void {
  sendBytes(reply, Buffer.from(JSON.stringify(document)));
}

/** Sends the bytes of a JSON document. */
export function sendBytes(reply: FastifyReply, bytes: Buffer): void {
  void reply.header('content-type', 'application/json').send(bytes);
}

/**
 * Says of an answer that it is made of a copy.
 *
 * @param age seconds since that was known to be current
 * @param status the one that such an answer has
 */
export function markCopy(reply: FastifyReply, age: number, status: number): void {
  void reply.code(status).header('age', Math.floor(age));
}

/**
 * Sends a document about one image with its validators, or 304 when the client has it.
 *
 * @param staleStatus the status where the reading is a copy because the catalogue cannot be asked
 */
export function sendImageDocument(
  reply: FastifyReply,
  { bytes, tag, modified }: Shown,
  reading: Reading<Image>,
  staleStatus: number,
): void {
  void reply.headers({ etag: tag, 'last-modified': modified });
  if (reading.source === 'copy') markCopy(reply, reading.age, staleStatus);
  if (hasCurrent(reply.request, tag)) {
    sendNotModified(reply);
  } else {
    void reply.header('content-type', 'application/json').send(Buffer.from(bytes, 'latin1'));
  }
}

/** To a HEAD Fastify would add a length, which is not the document's (RFC 9110, 15.4.5). */
function sendNotModified(reply: FastifyReply): void {
  void reply.code(304);
  if (reply.request.method !== 'HEAD') return void reply.send();
  reply.hijack();
  reply.raw.writeHead(304, reply.getHeaders() as OutgoingHttpHeaders).end();
}

/** Whether the client says that it has what is current (`If-None-Match`). */
export function hasCurrent({ headers }: Pick<FastifyRequest, 'headers'>, tag: string): boolean {
  const known = headers['if-none-match'];
  return known !== undefined && names(known, tag, { weakly: true });
}

/**
 * How a change is to be made: as whose, and of the image as the client knows it. `If-Match` is judged here, as
 * the last thing before the change.
 *
 * @param document what a GET of the same resource would answer now
 * @throws {PreconditionFailed}
 */
export function changeOptionsOf(request: FastifyRequest, document: object, image: Image): ChangeOptions {
  const token = request.headers['x-auth-token'] as string | undefined;
  const wanted = request.headers['if-match'];
  if (wanted === undefined || wanted.trim() === '*') return { token };
  if (!names(wanted, shown(document, image).tag, { weakly: false })) throw new PreconditionFailed();
  return { token, version: image.version };
}
