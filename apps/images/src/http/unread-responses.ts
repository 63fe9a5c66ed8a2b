import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A response of at most this size is always sent: the refusal would be as large. */
const SMALL_BYTES = 4_096;

/** Larger responses are written in pieces of this size, which distinguishes slow clients from stalled ones. */
export const PIECE_BYTES = 65_536;

/** Milliseconds in which a client reads something, unless it is stalled. */
const STALLED_MS = 500;

/** A response that its client has not yet read. */
interface Unread {
  readonly connection: Socket;
  readonly bytes: number;
  /** When the client last read something, by `performance.now()`. */
  progressAt: number;
}

/**
 * Counts the bytes of responses that clients have not yet read, over all connections. At the limit the connections of
 * stalled clients are closed; if there are none, new responses are refused.
 */
export class UnreadResponses {
  #bytes = 0;
  /** Those whose clients have been stalled for the longest come first. */
  readonly #unread = new Map<ServerResponse, Unread>();

  /** @param stalledMs at the limit, the connection of a client that has read nothing for this time is closed */
  constructor(
    private readonly maxBytes: number,
    private readonly stalledMs = STALLED_MS,
  ) {}

  /** Whether the limit is reached, so that {@link admits} has to free some of it. */
  get isFull(): boolean {
    return this.#bytes >= this.maxBytes;
  }

  /** Whether a response of this size may be sent; closes stalled connections if that is needed. */
  admits(bytes: number): boolean {
    while (this.#bytes + bytes > this.maxBytes) {
      const [oldest] = this.#unread.values();
      if (!oldest || performance.now() - oldest.progressAt < this.stalledMs) return bytes <= SMALL_BYTES;
      oldest.connection.destroy();
      this.#releaseAll(oldest.connection);
    }
    return true;
  }

  /** Counts a response until its client has read it, or its connection is lost. */
  count(response: ServerResponse, bytes: number): void {
    if (bytes === 0 || !response.socket || response.destroyed) return;
    this.#hold(response, response.socket, bytes);
    response.once('close', () => this.#release(response));
  }

  /** The same bytes in pieces; each piece that the connection requests counts as progress. */
  inPieces(response: ServerResponse, bytes: Uint8Array): Uint8Array | Readable {
    if (bytes.length <= PIECE_BYTES) return bytes;
    return Readable.from(this.#pieces(response, bytes), { objectMode: false, highWaterMark: PIECE_BYTES });
  }

  async *#pieces(response: ServerResponse, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      this.progress(response);
      yield bytes.subarray(at, at + PIECE_BYTES);
      await setImmediate();
    }
  }

  /** Notes that the client has read a part of a response. */
  progress(key: ServerResponse): void {
    const unread = this.#unread.get(key);
    if (!unread) return;
    unread.progressAt = performance.now();
    this.#unread.delete(key);
    this.#unread.set(key, unread);
  }

  #hold(key: ServerResponse, connection: Socket, bytes: number): void {
    this.#unread.set(key, { connection, bytes, progressAt: performance.now() });
    this.#bytes += bytes;
  }

  #release(key: ServerResponse): void {
    const unread = this.#unread.get(key);
    if (!unread) return;
    this.#unread.delete(key);
    this.#bytes -= unread.bytes;
  }

  #releaseAll(connection: Socket): void {
    for (const [key, unread] of this.#unread) if (unread.connection === connection) this.#release(key);
  }
}
