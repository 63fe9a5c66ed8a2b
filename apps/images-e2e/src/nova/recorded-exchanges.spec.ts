import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { exchanges, readRecording, send, withValues, withoutTimes } from '../compute/recording.js';
import { createCatalogue } from '../harness/catalogue.js';
import { IDENTITIES, newFolder, type Service } from '../harness/service.js';
import { authenticate, byPassword, ownProject, type Cloud } from '../keystone/harness/cloud.js';
import { startGlimpse } from '../keystone/harness/glimpse.js';
import { asGlanceOf, describeWithNova } from './harness/nova.js';

type Name = 'demo' | 'reader' | 'alt' | 'admin';
const NAMES = Object.keys(IDENTITIES) as Name[];

/** The images of the recording, with the owners of this run. */
function recordedImages({ people }: Cloud): object {
  const text = NAMES.reduce(
    (all, name) => all.replaceAll(IDENTITIES[name]!.project_id, people[name].projectId),
    JSON.stringify(readRecording('images.json')),
  );
  return JSON.parse(text) as object;
}

/** The defaults of the Glance of the recording, by which a reader may change images. */
function recordedPolicy(): string {
  const file = join(newFolder(), 'policy.json');
  writeFileSync(file, JSON.stringify({ modify_image: '', delete_image: '' }));
  return file;
}

interface Expected {
  readonly status: number;
  readonly body: unknown;
}

/** A refusal of the service as Nova passes it on: with what its client of Glance makes of the message. */
function refused(message: string): Expected {
  return { status: 400, body: { badRequest: { code: 400, message: `HTTP ${message}` } } };
}

const NO_MARKER = refused('The marker is no image that is listed for this caller.');
const NONE: Expected = { status: 200, body: { images: [] } };

/** Where the service differs from the Glance of the recording on purpose: docs/image-api.md. */
const DIFFERENCES: Readonly<Record<string, Expected>> = {
  // One text for all.
  'list ?marker=ffffffff-ffff-4fff-8fff-ffffffffffff': NO_MARKER,
  'detail ?marker=ffffffff-ffff-4fff-8fff-ffffffffffff': NO_MARKER,
  'list ?marker=abc': NO_MARKER,
  'detail ?marker=abc': NO_MARKER,
  // The recording's database compares texts without case.
  'list ?name=SNAP': NONE,
  'detail ?name=SNAP': NONE,
  // Texts that are no time or number are refused, and the message has the value.
  'detail ?changes-since=notadate': refused(
    "The parameter 'updated_at' must be a time in ISO 8601 such as 2026-11-24T02:28:35Z, alone or after an operator such as gte:, not 'gte:notadate'",
  ),
  'list ?minRam=abc': refused("The parameter 'min_ram' must be a whole number, not 'abc'"),
};

function suite(cloud: Cloud): void {
  const nova = new URL(cloud.novaUrl!).origin;
  let service: Service;
  let values: Record<string, string>;
  let tokens: Record<string, string>;

  beforeAll(async () => {
    const { people, authUrl } = cloud;
    service = await startGlimpse(await createCatalogue(recordedImages(cloud)), people.glimpse.env, {
      ...asGlanceOf(cloud),
      GLIMPSE_DATA_OPTIONS_PATH: newFolder(),
      GLIMPSE_POLICY_FILE: recordedPolicy(),
    });
    values = {
      ...{ compute: nova, image: cloud.image, keystone: authUrl.replace('/v3', '') },
      ...Object.fromEntries(NAMES.map((name) => [name, people[name].projectId])),
    };
    tokens = { garbage: 'garbage' };
    for (const name of NAMES) {
      tokens[name] = await authenticate(authUrl, byPassword(people[name]), ownProject(people[name]));
    }
    await until(async () => (await fetch(`${nova}/v2.1`)).ok, 60_000);
  });
  afterAll(() => service?.stop());

  it('has all of them', () => {
    expect(exchanges).toHaveLength(203);
  });

  it.each(exchanges)('$name', async ({ name, request, response }) => {
    const actual = await send(request, nova, values, (identity) => tokens[identity]!);
    const text = await actual.text();
    const isJson = text !== '' && actual.headers.get('content-type')!.startsWith('application/json');
    const expected = DIFFERENCES[name] ?? withValues(response, values);
    expect({
      status: actual.status,
      body: withoutTimes(isJson ? JSON.parse(text) : text),
    }).toEqual({ status: expected.status, body: withoutTimes(expected.body) });
  });
}

describeWithNova('The recorded exchanges of a real Nova, by a Nova whose Glance is the service', suite);
