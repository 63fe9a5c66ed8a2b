import type { IncomingMessage } from 'node:http';
import type { LinkBase } from '@glimpse/links';
import { pathOf, queryOf } from '../../http/path.js';

/**
 * What a page depends on by its request alone. The path has the version and the project of its links, and whether it
 * is a list with details; the microversion decides only whether there are lists.
 */
export function listAddress(request: IncomingMessage, base: LinkBase): string {
  return `compute ${base.compute} ${pathOf(request)}${queryOf(request)}`;
}
