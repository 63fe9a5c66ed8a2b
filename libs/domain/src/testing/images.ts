import type { Image } from '../image.js';
import type { SourceImage } from '../source.js';

const CREATED_AT = new Date('2026-01-01T00:00:00Z');

const ATTRIBUTES = {
  id: '70a599e0-31e7-49b7-b260-868f441e862b',
  name: 'cirros',
  status: 'active',
  visibility: 'public',
  hidden: false,
  owner: 'owner',
  protected: false,
  size: 1,
  minDisk: 0,
  minRam: 0,
  properties: {},
  createdAt: CREATED_AT,
} as const;

/**
 * An active, public image of the project `owner`, with whatever a test wants to be different.
 *
 * @example
 * imageOf({ visibility: 'shared', members: new Map([['project-b', 'pending']]) });
 */
export function imageOf(changes: Partial<Image> = {}): Image {
  return { ...ATTRIBUTES, version: 1n, updatedAt: null, members: new Map(), ...changes };
}

/** The same image as a source has it. */
export function sourceImageOf(changes: Partial<SourceImage> = {}): SourceImage {
  return { ...ATTRIBUTES, updatedAt: CREATED_AT, deleted: false, ...changes };
}
