import type { IncomingMessage } from 'node:http';
import { BodyTooLarge, MalformedRequest, RequestTimeout } from './errors.js';
import { Overloaded } from './overload.js';

/** The time within which a body has to arrive, once its request is authenticated. */
export const BODY_TIMEOUT_MS = 5_000;

/** The most bodies that are received at once: together they hold at most 28 MiB. */
export const MAX_BODIES = 256;

/** Rejects a body that does not arrive in full. */
type GiveUp = (error: Error) => void;

/**
 * Receives the bodies of requests: each within a time and a size, and a limited number at once. Beyond the number, the
 * body that has been incomplete for the longest is refused, so that slow clients never cause the refusal of fast ones.
 */
export class RequestBodies {
  /** The oldest first. */
  readonly #incomplete = new Set<GiveUp>();

  constructor(
    private readonly maxBytes: number,
    private readonly timeoutMs = BODY_TIMEOUT_MS,
    private readonly most = MAX_BODIES,
  ) {}

  /**
   * Reads a body to its end. After any of the errors the connection has to be closed.
   *
   * @throws {BodyTooLarge} {RequestTimeout} {Overloaded} {MalformedRequest}
   */
  async read(body: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = [];
    await this.#receive(body, (chunk) => chunks.push(chunk));
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  /**
   * Reads a body to its end and drops it.
   *
   * @throws as {@link read}
   */
  async drop(body: IncomingMessage): Promise<void> {
    await this.#receive(body, () => undefined);
    body.resume();
  }

  #receive(body: IncomingMessage, onChunk: (chunk: Buffer) => void): Promise<void> {
    if (body.destroyed) return Promise.reject(incomplete());
    if (this.#incomplete.size >= this.most) {
      const [oldest] = this.#incomplete;
      oldest!(new Overloaded());
    }
    let length = 0;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#incomplete.delete(giveUp);
        clearTimeout(timer);
        body.off('data', receive).off('end', succeed).off('close', lose);
      };
      const giveUp: GiveUp = (error) => {
        settle();
        body.resume();
        reject(error);
      };
      const receive = (chunk: Buffer): void => {
        length += chunk.length;
        if (length > this.maxBytes) giveUp(new BodyTooLarge(this.maxBytes));
        else onChunk(chunk);
      };
      const succeed = (): void => {
        settle();
        resolve();
      };
      const lose = (): void => giveUp(incomplete());
      const timer = setTimeout(() => giveUp(new RequestTimeout()), this.timeoutMs);
      this.#incomplete.add(giveUp);
      body.on('data', receive).once('end', succeed).once('close', lose);
      body.on('error', () => undefined);
    });
  }
}

function incomplete(): MalformedRequest {
  return new MalformedRequest('The request body is incomplete.');
}
