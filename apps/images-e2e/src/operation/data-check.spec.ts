import { cpSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { itSurvivesRestores, type RestoredStore } from '../harness/data-restores.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

let database: string;
let folder: string;
let service: Service | undefined;
beforeEach(async () => {
  database = await createDatabase('migrated');
  folder = join(newFolder(), 'data');
});
afterEach(() => stop());

async function serve(): Promise<void> {
  service = await startService(database, {
    ...{ GLIMPSE_IMAGE_PORT: '0', GLIMPSE_DATA_OPTIONS_PATH: folder, GLIMPSE_DATA_OPTIONS_RESERVE: '0' },
  });
}

async function stop(): Promise<void> {
  await service?.stop();
  service = undefined;
}

async function send(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
  const headers = { 'x-auth-token': tokenOf('demo'), 'content-type': 'application/octet-stream' };
  const init: RequestInit = { method, headers, ...(body !== undefined && { body }) };
  const response = await fetch(`${service!.imageUrl}/v2/images${path}`, init);
  // A download that breaks has no text.
  return { status: response.status, text: await response.text().catch(() => '') };
}

/** Creates an image and uploads its data. @returns its id and that of its object */
async function uploaded(text: string): Promise<{ image: string; object: string }> {
  const created = await send('POST', '', JSON.stringify({ disk_format: 'raw', container_format: 'bare' }));
  const { id: image } = JSON.parse(created.text) as { id: string };
  expect((await send('PUT', `/${image}/file`, text)).status).toBe(204);
  const rows = await query(database, `SELECT id FROM image_objects WHERE image_id = '${image}'`);
  return { image, object: rows[0]!['id'] as string };
}

interface Checked {
  readonly code: number;
  /** The lines but the last one. */
  readonly lines: string[];
  readonly summary: string;
  readonly stderr: string;
}

async function check(...args: string[]): Promise<Checked> {
  const env = { DATABASE_URL: databaseUrl(database), GLIMPSE_DATA_OPTIONS_PATH: folder };
  const { code, stdout, stderr } = await glimpse(['data', 'check', ...args], env);
  const lines = stdout.trim().split('\n');
  return { code, lines: lines.slice(0, -1), summary: lines.at(-1)!, stderr };
}

const objects = (): string[] => readdirSync(folder).filter((name) => name !== 'catalogue-id');

describe('glimpse data check', () => {
  it('finds nothing where all is well, and says so of a catalogue without data', async () => {
    expect(await check()).toMatchObject({ code: 0, summary: expect.stringContaining('nothing to check') });
    await serve();
    await uploaded('one');
    expect(await check()).toMatchObject({
      ...{ code: 0, lines: [], summary: '1 objects in the store, 0 findings, 0 of them repaired or deleted' },
    });
  });

  it('lists what is missing, damaged, without a row, in a wrong state and counted wrongly, and mends what it can', async () => {
    await serve();
    const [missing, damaged, deleted] = [
      await uploaded('one'),
      await uploaded('two'),
      await uploaded('three'),
    ];
    await stop();
    rmSync(join(folder, missing.object));
    truncateSync(join(folder, damaged.object), 1);
    const orphan = randomUUID();
    writeFileSync(join(folder, orphan), 'of a restored database');
    const old = randomUUID();
    writeFileSync(join(folder, old), 'old');
    utimesSync(join(folder, old), 0, 0);
    writeFileSync(join(folder, 'lost+found'), 'no object');
    const broken = randomUUID();
    await query(
      database,
      `INSERT INTO images (id, status, visibility, owner, upload, created_at)
       VALUES ('${broken}', 'saving', 'private', 'p', '${randomUUID()}', now());
       ALTER TABLE images DISABLE TRIGGER images_with_objects;
       UPDATE images SET status = 'deleted', deleted_at = now() WHERE id = '${deleted.image}';
       ALTER TABLE images ENABLE TRIGGER images_with_objects;
       UPDATE project_usage SET bytes = bytes + 7`,
    );
    const [{ project }] = (await query(database, 'SELECT project FROM project_usage')) as [
      { project: string },
    ];

    const states = (mended: boolean): string[] => [
      `state    image ${broken} is saving, but has no upload${mended ? ' (repaired: it is queued)' : ''}`,
      `state    object ${deleted.object} is still kept, but its image ${deleted.image} is deleted` +
        (mended ? ' (repaired: its bytes will be deleted)' : ''),
    ];
    const lost = [
      `missing  image ${missing.image}: its object ${missing.object} of 3 bytes is not in the store; restore it, or delete the image`,
      `damaged  image ${damaged.image}: its object ${damaged.object} has 1 bytes in the store instead of 3; restore it`,
    ].sort();
    const orphans = (suffix: string): string[] => [
      `orphan   object ${old} of 3 bytes, of 1970-01-01: the catalogue does not name it${suffix}`,
      expect.stringMatching(
        `^orphan   object ${orphan} of 22 bytes, of [0-9-]+: the catalogue does not name it$`,
      ) as unknown as string,
    ];
    const usage = (noted: number, sum: number): string =>
      `usage    project ${project}: ${noted} bytes are counted, its objects have ${sum}`;

    const found = await check();
    expect(found.code).toBe(1);
    expect([...found.lines.slice(0, 2)].sort()).toEqual(lost);
    expect(found.lines.slice(2)).toEqual([...orphans(''), ...states(false), usage(18, 11)]);

    const repaired = await check('--repair', '--delete-orphans', '--older-than', '1h');
    expect(repaired.code).toBe(1);
    expect(repaired.lines.slice(2)).toEqual([
      ...orphans(' (deleted)'),
      ...states(true),
      `${usage(13, 6)} (repaired: counted again)`,
    ]);
    const left = await check();
    expect([...left.lines.slice(0, 2)].sort()).toEqual(lost);
    expect(left.lines.slice(2)).toEqual(orphans('').slice(1));
    expect(objects()).not.toContain(old);
    expect(objects()).toContain(orphan);
    expect(await query(database, `SELECT status FROM images WHERE id = '${broken}'`)).toEqual([
      { status: 'queued' },
    ]);
  });

  it('finds nothing while images are uploaded and deleted', async () => {
    await serve();
    let over = false;
    let deleted = 0;
    const change = async (): Promise<void> => {
      while (!over) {
        const { image } = await uploaded('x'.repeat(Math.random() * 200_000));
        if (Math.random() < 0.3) continue;
        expect((await send('DELETE', `/${image}`)).status).toBe(204);
        deleted++;
      }
    };
    const changes = Promise.all(Array.from({ length: 4 }, change));
    try {
      for (let checks = 0; checks < 3; checks++) {
        expect(await check('--repair')).toMatchObject({ code: 0, lines: [] });
      }
    } finally {
      over = true;
      await changes;
    }
    expect(deleted).toBeGreaterThan(0);
    expect(await check()).toMatchObject({ code: 0, lines: [] });
  });

  it('refuses the store of another catalogue, and options that do not belong together', async () => {
    await serve();
    await uploaded('one');
    writeFileSync(join(folder, 'catalogue-id'), `${randomUUID()}\n`);
    expect(await check()).toMatchObject({
      code: 1,
      stderr: 'glimpse: The store of image data is not the one that this catalogue has used before.\n',
    });
    for (const args of [['--delete-orphans'], ['--older-than', '1h']]) {
      const { code, stderr } = await check(...args);
      expect([code, stderr]).toEqual([1, expect.stringContaining('--older-than')]);
    }
  });

  it('notes active images that were imported without data, which is no finding', async () => {
    await serve();
    await uploaded('one');
    await query(
      database,
      `INSERT INTO images (id, status, visibility, created_at) VALUES (gen_random_uuid(), 'active', 'public', now())`,
    );
    const { code, lines } = await check();
    expect([code, lines]).toEqual([
      0,
      [expect.stringMatching(/^note {5}1 active images never had data here/)],
    ]);
  });
});

describe('a database and a store of different times', () => {
  itSurvivesRestores('lose nothing by themselves, and work again once both are of one time', inFolder);
});

function inFolder(path = join(newFolder(), 'data')): RestoredStore {
  return {
    settings: { GLIMPSE_DATA_OPTIONS_PATH: path, GLIMPSE_DATA_OPTIONS_RESERVE: '0' },
    keys: async () => readdirSync(path).filter((name) => name !== 'catalogue-id'),
    async copy() {
      const copied = join(newFolder(), 'copied');
      cpSync(path, copied, { recursive: true });
      return inFolder(copied);
    },
  };
}
