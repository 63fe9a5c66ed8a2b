import type { OutgoingHttpHeaders } from 'node:http';
import {
  DomainError,
  type ChangeOptions,
  type Image,
  type PageDocument,
  type Reading,
} from '@glimpse/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readyDocument, type ReadyDocument } from './image-documents.js';

/** The image is not in the state that `If-Match` names. */
export class PreconditionFailed extends DomainError {
  readonly code = 'precondition-failed';

  constructor() {
    super('The image is not in the state that If-Match names.');
  }
}

/** Whether a list of entity tags holds one (RFC 9110, 13.1). A weak one never matches strongly. */
function matchesEntityTag(header: string, tag: string, { weakly }: { weakly: boolean }): boolean {
  if (header.trim() === '*') return true;
  const tags = header.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((listed) => (weakly ? listed.replace(/^W\//, '') : listed) === tag);
}

/** Sends a document, as bytes: Fastify would add a charset to text, which Nova's responses do not have. */
export function sendDocument(reply: FastifyReply, document: object): void {
  void reply.header('content-type', 'application/json').send(Buffer.from(JSON.stringify(document)));
}

/**
 * Marks a response as served from a stale copy.
 *
 * @param age seconds since the copy was last known to be current
 * @param status the status of such a response
 */
export function markStale(reply: FastifyReply, age: number, status: number): void {
  void reply.code(status).header('age', Math.floor(age));
}

/**
 * Sends a document about one image with its validators, or 304 if the client has it.
 *
 * @param staleStatus the status where the reading is a copy because the catalogue is unavailable
 */
export function sendImageDocument(
  reply: FastifyReply,
  { bytes, tag, modified }: ReadyDocument,
  reading: Reading<Image>,
  staleStatus: number,
): void {
  sendValidated(reply, { bytes, validators: { etag: tag, 'last-modified': modified } }, reading, staleStatus);
}

/**
 * Sends a page of a list with its validator, or 304 if the client has it.
 *
 * @param staleStatus as for {@link sendImageDocument}
 */
export function sendPage(reply: FastifyReply, page: Reading<PageDocument>, staleStatus: number): void {
  const { bytes, tag } = page.value;
  sendValidated(reply, { bytes, validators: { etag: tag } }, page, staleStatus);
}

interface ValidatedDocument {
  /** As text, one character per byte. */
  readonly bytes: string | Uint8Array;
  readonly validators: { readonly etag: string } & Readonly<Record<string, string>>;
}

function sendValidated(
  reply: FastifyReply,
  { bytes, validators }: ValidatedDocument,
  reading: Reading<unknown>,
  staleStatus: number,
): void {
  void reply.headers(validators);
  if (reading.source === 'copy') markStale(reply, reading.age, staleStatus);
  if (isNotModified(reply.request, validators.etag)) {
    sendNotModified(reply);
  } else {
    const body = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    void reply.header('content-type', 'application/json').send(body);
  }
}

/** Fastify would add a length to the response to a HEAD, which is not the document's (RFC 9110, 15.4.5). */
function sendNotModified(reply: FastifyReply): void {
  void reply.code(304);
  if (reply.request.method !== 'HEAD') return void reply.send();
  reply.hijack();
  reply.raw.writeHead(304, reply.getHeaders() as OutgoingHttpHeaders).end();
}

/** Whether the client has the current document (`If-None-Match`). */
export function isNotModified({ headers }: Pick<FastifyRequest, 'headers'>, tag: string): boolean {
  const known = headers['if-none-match'];
  return known !== undefined && matchesEntityTag(known, tag, { weakly: true });
}

/**
 * The options of a change: the caller's token, and the version if `If-Match` names one. `If-Match` is compared here,
 * immediately before the change.
 *
 * @param document the present document of the same resource
 * @throws {PreconditionFailed}
 */
export function changeOptionsOf(request: FastifyRequest, document: object, image: Image): ChangeOptions {
  const token = request.headers['x-auth-token'] as string | undefined;
  const wanted = request.headers['if-match'];
  if (wanted === undefined || wanted.trim() === '*') return { token };
  if (!matchesEntityTag(wanted, readyDocument(document, image).tag, { weakly: false }))
    throw new PreconditionFailed();
  return { token, version: image.version };
}
