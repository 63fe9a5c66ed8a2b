import { isDeepStrictEqual } from 'node:util';
import {
  IMAGE_STATUSES,
  MEMBER_STATUSES,
  SOURCE_DOCUMENTS,
  VISIBILITIES,
  isUuid,
  type MemberStatus,
  type SourceImage,
  type SourcePlace,
} from '@glimpse/domain';
import type { ImageSource, SourceQuery } from '../contract.js';
import type { Findings } from './conformance.js';

/** A list with more pages does not end. */
const MAX_PAGES = 1_000;
const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000';
interface Trial {
  readonly source: ImageSource;
  readonly findings: Findings;
}

/** Reads all that a source shows, in every way that there is. */
export async function checkReading(source: ImageSource, findings: Findings): Promise<void> {
  const trial = { source, findings };
  const images = await readAll(trial);
  await checkTimes(trial, images);
  await checkSingle(trial, images);
  await checkDocuments(trial);
}

async function checkDocuments({ source, findings }: Trial): Promise<void> {
  if (!source.document) return;
  for (const name of SOURCE_DOCUMENTS) {
    const document = await findings.attempt(`document ${name}`, () => source.document!(name));
    const isDocument = typeof document === 'object' && !Array.isArray(document);
    findings.expect(isDocument, `document ${name}: it must be an object, or null where there is none`);
  }
}

/** @returns all its images, as its pages have them */
async function readAll(trial: Trial): Promise<readonly SourceImage[]> {
  const { source, findings } = trial;
  const missingAccess = await findings.attempt('missingReadAccess', () => source.missingReadAccess());
  findings.expect(
    missingAccess === undefined,
    `missingReadAccess: in a test it must show everything: ${missingAccess}`,
  );
  const missingWriteAccess = await findings.attempt('missingWriteAccess', async () =>
    source.missingWriteAccess?.(),
  );
  findings.expect(
    missingWriteAccess === undefined,
    `missingWriteAccess: in a test it must accept changes: ${missingWriteAccess}`,
  );
  findings.expect(source.url !== undefined && URL.canParse(source.url), `url ${source.url} must be a URL`);
  return [...(await readList(trial, false)), ...(await readList(trial, true))];
}

async function readList(trial: Trial, hidden: boolean): Promise<SourceImage[]> {
  const { source, findings } = trial;
  const what = hidden ? 'pages of hidden images' : 'pages';
  const found = new Map<string, SourceImage>();
  let first: SourcePlace | undefined;
  let query: SourceQuery = { hidden };
  for (let count = 0; ; count++) {
    const page = await findings.attempt(what, () => source.page(query));
    if (!page) break;
    for (const image of page.images) {
      checkImage(findings, what, image, hidden);
      findings.expect(!found.has(image.id), `${what}: image ${image.id} is there twice`);
      found.set(image.id, image);
    }
    for (const line of page.bad) {
      findings.expect(/^.+$/.test(line), `${what}: what no catalogue can hold is one line each`);
    }
    if (!page.next) break;
    if (count > MAX_PAGES) {
      findings.expect(false, `${what}: there is no end of them`);
      break;
    }
    first ??= page.next;
    query = { hidden, after: page.next };
  }
  const images = [...found.values()];
  const isOrdered = images.every((image, at) => at === 0 || image.createdAt >= images[at - 1]!.createdAt);
  findings.expect(isOrdered, `${what}: they must be in the order of creation`);
  if (first) await goesOn(trial, hidden, first, images);
  return images;
}

/** Behind the place of an image that is gone. */
async function goesOn(
  { source, findings }: Trial,
  hidden: boolean,
  place: SourcePlace,
  images: readonly SourceImage[],
): Promise<void> {
  const what = 'the page behind an image that is gone';
  const after = { id: UNKNOWN_ID, createdAt: place.createdAt };
  const page = await findings.attempt(what, () => source.page({ hidden, after }));
  const next = images.find(({ createdAt }) => createdAt > place.createdAt);
  const has = !page || !next || page.next || page.images.some(({ id }) => id === next.id);
  findings.expect(Boolean(has), `${what}: image ${next?.id} is missing`);
}

function checkImage(findings: Findings, what: string, image: SourceImage, hidden: boolean): void {
  const { id, status, visibility, size, createdAt, updatedAt, properties } = image;
  const expect = (holds: boolean, rule: string): void =>
    findings.expect(holds, `${what}: image ${id}: ${rule}`);
  expect(isUuid(id) && id === id.toLowerCase(), 'id must be a UUID in small letters');
  expect(IMAGE_STATUSES.includes(status), `status ${status} must be one of ${IMAGE_STATUSES.join(', ')}`);
  expect(
    VISIBILITIES.includes(visibility),
    `visibility ${visibility} must be one of ${VISIBILITIES.join(', ')}`,
  );
  expect(image.hidden === hidden, `hidden must be ${hidden}`);
  expect(!image.deleted, 'what is deleted must not be there');
  expect(size === null || Number.isSafeInteger(size), `size ${size} must be a number of bytes, or null`);
  for (const [name, time] of Object.entries({ createdAt, updatedAt })) {
    expect(time instanceof Date && !Number.isNaN(time.getTime()), `${name} must be a time`);
  }
  const texts = Object.values(properties ?? { none: undefined });
  expect(
    texts.every((value) => value === null || typeof value === 'string'),
    'properties must be texts or null',
  );
}

/** The times at which images changed. */
async function checkTimes({ source, findings }: Trial, images: readonly SourceImage[]): Promise<void> {
  const newest = await findings.attempt('newestChange', () => source.newestChange());
  const times = images.map(({ updatedAt }) => updatedAt.getTime());
  const wanted = Math.max(...times);
  findings.expect(
    newest?.getTime() === wanted || images.length === 0,
    `newestChange: it is ${newest?.toISOString()}, and an image of its pages changed at ${new Date(wanted).toJSON()}`,
  );
  for (const hidden of [false, true]) {
    const query = { hidden, changedSince: new Date(wanted) };
    const page = await findings.attempt('the page of what changed last', () => source.page(query));
    if (!page) return;
    const expected = images.filter(
      (image) => image.hidden === hidden && image.updatedAt.getTime() === wanted,
    );
    const ids = page.images.map(({ id }) => id);
    for (const { id } of expected) {
      findings.expect(
        ids.includes(id) || Boolean(page.next),
        `the page of what changed last: ${id} is missing`,
      );
    }
    const isOld = page.images.some(({ updatedAt }) => updatedAt.getTime() < wanted);
    findings.expect(!isOld, 'the page of what changed last: it has what changed before');
  }
}

/** Images by their ids, and their members. */
async function checkSingle({ source, findings }: Trial, images: readonly SourceImage[]): Promise<void> {
  for (const known of images.slice(0, 10)) {
    const { id } = known;
    const image = await findings.attempt(`image ${id}`, () => source.image(id));
    findings.expect(isDeepStrictEqual(image, known), `image ${id}: it is another one than in the pages`);
    const members = await findings.attempt(`members of ${id}`, () => source.members(id));
    findings.expect(members?.imageId === id, `members of ${id}: imageId is ${members?.imageId}`);
    for (const [project, member] of members?.members ?? []) {
      // One of release 0.1 has the status itself.
      const { status } = typeof member === 'string' ? { status: member as MemberStatus } : member;
      const rule = `members of ${id}: the status of ${project} must be one of ${MEMBER_STATUSES.join(', ')}`;
      findings.expect(MEMBER_STATUSES.includes(status), rule);
    }
  }
  const none = await findings.attempt('no image', () => source.image(UNKNOWN_ID));
  findings.expect(none === undefined, 'no image: it must be undefined');
  const membersOfUnknown = await findings.attempt('members of no image', () => source.members(UNKNOWN_ID));
  findings.expect(membersOfUnknown === undefined, 'members of no image: it must be undefined');
}
