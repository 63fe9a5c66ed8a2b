import { isNoCache } from '@glimpse/auth';
import type { ReadOptions } from '@glimpse/domain';
import type { FastifyRequest } from 'fastify';

/** The read options of a request: `no-cache` bypasses the cache. */
export function readOptionsOf(request: FastifyRequest): ReadOptions {
  return { fresh: isNoCache(request.headers['cache-control']) };
}
