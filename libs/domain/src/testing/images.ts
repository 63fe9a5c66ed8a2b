import type { Image, Member, MemberStatus } from '../image.js';
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
  diskFormat: null,
  containerFormat: null,
  checksum: null,
  hashAlgorithm: null,
  hashValue: null,
  virtualSize: null,
  tags: [],
  locations: null,
  properties: {},
  createdAt: CREATED_AT,
} as const;

/**
 * An active, public image of the project `owner`, with whatever a test wants to be different.
 *
 * @example
 * imageOf({ visibility: 'shared', members: membersOf({ 'project-b': 'pending' }) });
 */
export function imageOf(changes: Partial<Image> = {}): Image {
  const shownId = changes.id ?? ATTRIBUTES.id;
  return {
    ...ATTRIBUTES,
    shownId,
    version: 1n,
    attributesCurrent: true,
    updatedAt: null,
    members: new Map(),
    ...changes,
  };
}

/** Members with these statuses and unknown times. */
export function membersOf(statuses: Readonly<Record<string, MemberStatus>>): ReadonlyMap<string, Member> {
  return new Map(
    Object.entries(statuses).map(([project, status]) => [
      project,
      { status, createdAt: null, updatedAt: null },
    ]),
  );
}

/** The same image as a source has it. */
export function sourceImageOf(changes: Partial<SourceImage> = {}): SourceImage {
  const shownId = changes.id ?? ATTRIBUTES.id;
  return { ...ATTRIBUTES, shownId, updatedAt: CREATED_AT, deleted: false, ...changes };
}
