import type { IncomingMessage } from 'node:http';
import { queryOf } from '../../http/path.js';

/** What a page depends on by its request alone: links are relative, and keep the query. */
export function listAddress(request: IncomingMessage): string {
  return `image ${queryOf(request)}`;
}
