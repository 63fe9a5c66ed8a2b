import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set where the request is passed on to another service. */
    passedOn: PassedOn | null;
  }
}

/** What is known of a request that is passed on. */
export interface PassedOn {
  /** The id that the other service gave the request. */
  sourceRequestId?: string | undefined;
}

/** Passes on to another service what has no route in this one. */
export interface PassThrough {
  /** @throws {DomainError} this service sent the request itself */
  refuseLoop(request: IncomingMessage): void;
  /**
   * Sends a request to the other service, and its response to the client.
   *
   * @throws {DomainError} nothing was sent to the client yet
   */
  passOn(request: FastifyRequest, reply: FastifyReply): Promise<void>;
}
