import { Readable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A response of at most so many bytes is always sent: what refuses another would be as large. */
const SMALL_BYTES = 4_096;

/** A larger response is written in pieces of so many bytes, so that a slow client differs from one that reads nothing. */
const PIECE_BYTES = 65_536;

/** A client that has taken nothing for so long makes room for others, where there is none. */
const STALLED_MS = 500;

/** A response, or what was written past one, that its client has not yet taken. */
interface Unread {
  readonly connection: Socket;
  bytes: number;
  /** When the client took something last, by `performance.now()`. */
  progressAt: number;
}

/**
 * Counts the bytes of responses that their clients have not yet taken, over all connections. Beyond a bound the
 * connections of clients that read nothing are closed, and where there are none, new responses are refused.
 */
export class UnreadResponses {
  #bytes = 0;
  /** Those whose clients took nothing for the longest come first. */
  readonly #unread = new Map<object, Unread>();
  /** Connections that are released when they close. */
  readonly #watched = new WeakSet<Socket>();

  constructor(private readonly maxBytes: number) {}

  /** Whether a response needs room to be made for it: {@link admits}. */
  get isFull(): boolean {
    return this.#bytes >= this.maxBytes;
  }

  /** Whether a response of so many bytes may be sent; makes room for it if it can. */
  admits(bytes: number): boolean {
    if (this.#bytes + bytes > this.maxBytes) this.#updateWritten();
    while (this.#bytes + bytes > this.maxBytes) {
      const [oldest] = this.#unread.values();
      if (!oldest || performance.now() - oldest.progressAt < STALLED_MS) return bytes <= SMALL_BYTES;
      oldest.connection.destroy();
      this.#releaseAll(oldest.connection);
    }
    return true;
  }

  /** Counts a response from now on until its client has taken it, or its connection is lost. */
  count(response: ServerResponse, bytes: number): void {
    if (bytes === 0 || !response.socket || response.destroyed) return;
    this.#hold(response, response.socket, bytes);
    response.once('close', () => this.#release(response));
  }

  /** The same bytes in pieces, each of which is counted as progress of the response when it is wanted. */
  inPieces(response: ServerResponse, bytes: Buffer): Buffer | Readable {
    if (bytes.length <= PIECE_BYTES) return bytes;
    return Readable.from(this.#pieces(response, bytes), { objectMode: false, highWaterMark: PIECE_BYTES });
  }

  /** Counts what was written to a connection past any response, and still waits there. */
  countWritten(connection: Socket): void {
    const unread = this.#unread.get(connection);
    if (unread) this.#update(connection, unread);
    else this.#hold(connection, connection, connection.writableLength);
    if (this.#watched.has(connection)) return;
    this.#watched.add(connection);
    connection.once('close', () => this.#release(connection));
  }

  *#pieces(response: ServerResponse, bytes: Buffer): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      this.#progress(response);
      yield bytes.subarray(at, at + PIECE_BYTES);
    }
  }

  #progress(key: object): void {
    const unread = this.#unread.get(key);
    if (!unread) return;
    unread.progressAt = performance.now();
    this.#unread.delete(key);
    this.#unread.set(key, unread);
  }

  #hold(key: object, connection: Socket, bytes: number): void {
    this.#unread.set(key, { connection, bytes, progressAt: performance.now() });
    this.#bytes += bytes;
  }

  #release(key: object): void {
    const unread = this.#unread.get(key);
    if (!unread) return;
    this.#unread.delete(key);
    this.#bytes -= unread.bytes;
  }

  /** No event says that a connection has written on. */
  #updateWritten(): void {
    for (const [key, unread] of [...this.#unread]) if (key === unread.connection) this.#update(key, unread);
  }

  #update(key: object, unread: Unread): void {
    const { writableLength } = unread.connection;
    if (writableLength < unread.bytes) this.#progress(key);
    this.#bytes += writableLength - unread.bytes;
    unread.bytes = writableLength;
    if (writableLength === 0) this.#release(key);
  }

  #releaseAll(connection: Socket): void {
    for (const [key, unread] of this.#unread) if (unread.connection === connection) this.#release(key);
  }
}
