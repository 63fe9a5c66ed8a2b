import { isDeepStrictEqual } from 'node:util';
import type { PropertyChange, SourceImage } from '@glimpse/domain';
import type { ImageSource } from '../contract.js';
import type { Findings } from './conformance.js';
import type { ImageSourceTrial } from './image-source.js';

const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000';
const MADE_UP = 'made-up-token';
/** The result of a change that a caller may not make. */
const REFUSALS = ['image-not-found', 'not-owner', 'change-refused', 'catalogue-unavailable'];

/** Changes of an image with a caller's token; in the end it is deleted. */
export async function checkChanges(
  source: ImageSource,
  findings: Findings,
  { image: id, token }: ImageSourceTrial,
): Promise<void> {
  const properties = async (): Promise<SourceImage['properties'] | undefined> =>
    (await findings.attempt(`image ${id}`, () => source.image(id)))?.properties;
  const before = await properties();
  findings.expect(before !== undefined, `image ${id}: it is to be changed in this trial, and is not there`);
  if (!before) return;

  const steps: [string, PropertyChange, SourceImage['properties']][] = [
    [
      'merge',
      { kind: 'merge', properties: { 'trial/one~': 'ö', two: '' } },
      { ...before, 'trial/one~': 'ö', two: '' },
    ],
    ['remove', { kind: 'remove', key: 'trial/one~' }, { ...before, two: '' }],
    ['replace', { kind: 'replace', properties: { three: '3' } }, { three: '3' }],
  ];
  for (const [what, change, wanted] of steps) {
    const had = (await properties()) ?? {};
    await findings.attempt(`a change (${what})`, () => source.changeProperties(id, change, had, token));
    const has = await properties();
    const seen = `the properties are ${JSON.stringify(has)}, wanted are ${JSON.stringify(wanted)}`;
    findings.expect(isDeepStrictEqual({ ...has }, wanted), `a change (${what}): ${seen}`);
  }

  const change: PropertyChange = { kind: 'merge', properties: { four: '4' } };
  await refused(findings, 'a change with a made-up token', () =>
    source.changeProperties(id, change, {}, MADE_UP),
  );
  await refused(findings, 'a deletion with a made-up token', () => source.deleteImage(id, MADE_UP));
  const kept = await properties();
  findings.expect(
    isDeepStrictEqual({ ...kept }, { three: '3' }),
    'a made-up token: it has changed the image',
  );
  const notFound = ['image-not-found'];
  const ofUnknownImage = (): Promise<void> => source.changeProperties(UNKNOWN_ID, change, {}, token);
  await refused(findings, 'a change of no image', ofUnknownImage, notFound);
  await refused(findings, 'a deletion of no image', () => source.deleteImage(UNKNOWN_ID, token), notFound);

  await findings.attempt('a deletion', () => source.deleteImage(id, token));
  const gone = await findings.attempt('a deleted image', () => source.image(id));
  findings.expect(gone === undefined, 'a deleted image: it must be undefined');
  await refused(findings, 'a deletion of a deleted image', () => source.deleteImage(id, token), notFound);
}

/** Notes where something is not refused for a reason that the contract has. */
async function refused(
  findings: Findings,
  what: string,
  attempt: () => Promise<unknown>,
  codes: readonly string[] = REFUSALS,
): Promise<void> {
  let code: unknown;
  await findings.attempt(what, async () => {
    try {
      await attempt();
    } catch (error) {
      // By code: it may have its own copy of the domain.
      ({ code } = error as { code?: unknown });
      if (code === undefined) throw error;
    }
  });
  findings.expect(
    codes.includes(String(code)),
    `${what}: it is ${code ?? 'done'}, wanted is ${codes.join(' or ')}`,
  );
}
