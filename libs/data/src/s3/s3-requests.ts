import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { DataTimeout, DataUnavailable, type DomainError } from '@glimpse/domain';
import type { ByteRange, ListedObject } from '@glimpse/plugins';
import type { Part } from './parts.js';
import type { S3Clients } from './s3-clients.js';
import { isNotFound, isNotImplemented, isTransient, storeErrorOf } from './s3-errors.js';

/** A part that the service has. */
export interface SentPart {
  readonly PartNumber: number;
  readonly ETag: string;
}

/** An upload in parts that is not complete. */
export interface PartialUpload {
  readonly key: string;
  readonly id: string;
}

/** One that a service lists. */
export interface BegunUpload extends PartialUpload {
  readonly begunAt: Date;
}

/** How often a part, or an object of one part, is sent before an upload fails. */
const ATTEMPTS = 5;
/** Milliseconds before the second attempt; each further pause is twice as long. */
const FIRST_PAUSE_MS = 250;
/** A service puts thousands of parts together when an upload completes. */
const COMPLETION_FACTOR = 10;
/** Bytes of a part that are written to the connection at once. */
const PIECE_BYTES = 262_144;
/** A client waits for the response to its upload until then; what is left of it goes with its key. */
const MAX_ABORT_MS = 5_000;

/** The requests to one bucket, each within its time limit. All methods throw {@link storeErrorOf}. */
export class S3Requests {
  readonly #bucket: { readonly Bucket: string };

  constructor(
    private readonly clients: S3Clients,
    private readonly options: { readonly bucket: string; readonly timeoutMs: number },
  ) {
    this.#bucket = { Bucket: options.bucket };
  }

  /** Writes an object of one part. */
  async put(key: string, part: Part): Promise<void> {
    await this.#repeated(part, (body) =>
      this.#inTime(({ client }, how) =>
        client.send(new PutObjectCommand({ ...this.#at(key), ...body }), how),
      ),
    );
  }

  /** Writes a text, unless there is an object already. Some services ignore the condition, and some refuse it. */
  async putFirst(key: string, text: string): Promise<void> {
    if ((await this.sizeOf(key)) !== undefined) return;
    const put = (condition: object): Promise<unknown> =>
      this.#inTime(({ client }, how) =>
        client.send(new PutObjectCommand({ ...this.#at(key), Body: text, ...condition }), how),
      );
    try {
      await put({ IfNoneMatch: '*' });
    } catch (error) {
      if (!isNotImplemented((error as Error).cause)) throw error;
      await put({});
    }
  }

  /** Begins an upload in parts, and returns its id. */
  async begin(key: string): Promise<string> {
    const { UploadId } = await this.#inTime(({ client }, how) =>
      client.send(new CreateMultipartUploadCommand(this.#at(key)), how),
    );
    return UploadId!;
  }

  async sendPart(
    upload: PartialUpload,
    PartNumber: number,
    part: Part,
    stop: AbortSignal,
  ): Promise<SentPart> {
    const target = { ...this.#of(upload), PartNumber };
    const ETag = await this.#repeated(
      part,
      (body) =>
        this.#inTime(({ client }, how) => client.send(new UploadPartCommand({ ...target, ...body }), how), {
          stop,
        }),
      stop,
    );
    return { PartNumber, ETag };
  }

  /** Makes an object of its parts. */
  async complete(upload: PartialUpload, parts: readonly SentPart[]): Promise<void> {
    const Parts = [...parts].sort((one, other) => one.PartNumber - other.PartNumber);
    const command = new CompleteMultipartUploadCommand({ ...this.#of(upload), MultipartUpload: { Parts } });
    await this.#inTime(({ client }, how) => client.send(command, how), {
      limitMs: this.options.timeoutMs * COMPLETION_FACTOR,
    });
  }

  /** Removes the parts of an upload. No error if there is none. */
  async abort(upload: PartialUpload): Promise<void> {
    await this.#unlessNotFound(
      this.#inTime(({ client }, how) => client.send(new AbortMultipartUploadCommand(this.#of(upload)), how), {
        limitMs: Math.min(MAX_ABORT_MS, this.options.timeoutMs),
      }),
    );
  }

  /** The uploads that are not complete of the keys that begin with a prefix. */
  async *uploads(Prefix: string): AsyncGenerator<BegunUpload> {
    let after: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
    for (;;) {
      const page = await this.#inTime(({ client }, how) =>
        client.send(new ListMultipartUploadsCommand({ ...this.#bucket, Prefix, ...after }), how),
      );
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        yield { key: Key!, id: UploadId!, begunAt: Initiated! };
      }
      if (!page.IsTruncated) return;
      after = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  }

  /** The bytes of an object; undefined if there is none. */
  async sizeOf(key: string): Promise<number | undefined> {
    const head = await this.#unlessNotFound(
      this.#inTime(({ client }, how) => client.send(new HeadObjectCommand(this.#at(key)), how)),
    );
    return head?.ContentLength;
  }

  /** The text of a small object; undefined if there is none. */
  async textOf(key: string): Promise<string | undefined> {
    return this.#unlessNotFound(
      this.#inTime(async ({ client }, how) => {
        const { Body } = await client.send(new GetObjectCommand(this.#at(key)), how);
        return Body!.transformToString();
      }),
    );
  }

  /** Opens a range of an object. The body has to be read to its end, or destroyed: it holds a connection. */
  async open(key: string, { first, last }: ByteRange): Promise<Readable> {
    const Range = `bytes=${first}-${last}`;
    const { Body, ContentLength } = await this.#inTime(({ downloads }, how) =>
      downloads.send(new GetObjectCommand({ ...this.#at(key), Range }), how),
    );
    const body = Body as Readable;
    if (ContentLength === last - first + 1) return body;
    body.destroy();
    throw new DataUnavailable({ cause: new Error(`object ${key} has no bytes ${first} to ${last}`) });
  }

  /** Deletes an object. No error if there is none. */
  async delete(key: string): Promise<void> {
    await this.#unlessNotFound(
      this.#inTime(({ client }, how) => client.send(new DeleteObjectCommand(this.#at(key)), how)),
    );
  }

  /** The objects whose keys begin with a prefix. */
  async *objects(Prefix: string): AsyncGenerator<ListedObject> {
    let ContinuationToken: string | undefined;
    do {
      const page = await this.#inTime(({ client }, how) =>
        client.send(new ListObjectsV2Command({ ...this.#bucket, Prefix, ContinuationToken }), how),
      );
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        yield { key: Key!, bytes: Size!, modifiedAt: LastModified! };
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { ...this.#bucket, Key: key };
  }

  #of({ key, id }: PartialUpload): { Bucket: string; Key: string; UploadId: string } {
    return { ...this.#at(key), UploadId: id };
  }

  /**
   * Sends a part, again from its buffer if it fails. The service compares the MD5 as well; this detects a service that
   * does not.
   *
   * @returns its ETag
   */
  async #repeated(part: Part, send: (body: PartBody) => Promise<Sent>, stop?: AbortSignal): Promise<string> {
    for (let attempt = 1, pauseMs = FIRST_PAUSE_MS; ; attempt++, pauseMs *= 2) {
      try {
        const sent = await send(bodyOf(part));
        if (!isEncrypted(sent) && sent.ETag !== `"${part.md5.toString('hex')}"`) {
          throw new DataUnavailable({
            cause: new Error('the service has received other bytes than were sent'),
          });
        }
        return sent.ETag!;
      } catch (error) {
        const isLast = attempt === ATTEMPTS || stop?.aborted;
        if (isLast || !isTransient(error as DomainError)) throw error;
        await sleep(pauseMs, undefined, { signal: stop }).catch(() => undefined);
      }
    }
  }

  /** Runs an operation within its time limit, its repetitions included. */
  async #inTime<T>(
    run: (
      clients: S3Requests['clients'],
      how: { abortSignal: AbortSignal; requestTimeout: number },
    ) => Promise<T>,
    { stop, limitMs = this.options.timeoutMs }: { stop?: AbortSignal; limitMs?: number } = {},
  ): Promise<T> {
    const over = new AbortController();
    const end = (): void => over.abort();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      end();
    }, limitMs);
    stop?.addEventListener('abort', end);
    try {
      stop?.throwIfAborted();
      return await run(this.clients, { abortSignal: over.signal, requestTimeout: limitMs });
    } catch (error) {
      throw isLate ? new DataTimeout({ cause: error }) : storeErrorOf(error);
    } finally {
      clearTimeout(timer);
      stop?.removeEventListener('abort', end);
    }
  }

  async #unlessNotFound<T>(result: Promise<T>): Promise<T | undefined> {
    try {
      return await result;
    } catch (error) {
      if (isNotFound((error as Error).cause)) return undefined;
      throw error;
    }
  }
}

interface PartBody {
  readonly Body: Readable | Uint8Array;
  readonly ContentLength: number;
  readonly ContentMD5: string;
}

interface Sent {
  readonly ETag?: string | undefined;
  readonly ServerSideEncryption?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
}

/** A stream is not hashed by the SDK, which would block other requests. */
function bodyOf({ bytes, md5 }: Part): PartBody {
  const { length } = bytes;
  const Body = length === 0 ? bytes : Readable.from(piecesOf(bytes), { objectMode: false });
  return { Body, ContentLength: length, ContentMD5: md5.toString('base64') };
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

/** Whether the ETag is not the MD5: the object is encrypted with a key of its own. */
function isEncrypted({ ServerSideEncryption, SSECustomerAlgorithm }: Sent): boolean {
  return SSECustomerAlgorithm !== undefined || ServerSideEncryption?.startsWith('aws:kms') === true;
}
