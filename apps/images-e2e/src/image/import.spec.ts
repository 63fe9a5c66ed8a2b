import { beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, importInto } from '../harness/catalogue.js';
import { query } from '../harness/databases.js';
import { readRecording, type Document } from './recorded-states.js';

type ImageDocument = Document & { members?: Document[] };

/** Attributes of documents that are not in the database: they are the same for every image, but for its id. */
const DERIVED = ['self', 'file', 'schema', 'members'];

/** What the database has of every image, with the names of Glance's documents; properties are among them. */
const DOCUMENTS = `
  SELECT properties || coalesce(locations, '{}') || jsonb_build_object(
    'id', coalesce(shown_id, id::text), 'name', name, 'status', status, 'visibility', visibility,
    'os_hidden', hidden, 'owner', owner, 'protected', protected, 'size', size, 'virtual_size', virtual_size,
    'min_disk', min_disk, 'min_ram', min_ram, 'disk_format', disk_format, 'container_format', container_format,
    'checksum', checksum, 'os_hash_algo', hash_algorithm, 'os_hash_value', hash_value, 'tags', tags,
    'created_at', to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'updated_at', to_char(updated_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS document
  FROM images ORDER BY id`;

const MEMBERS = `
  SELECT image_id, member AS member_id, status,
         to_char(member_created_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created_at,
         to_char(member_updated_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated_at, '/v2/schemas/member' AS schema
  FROM members ORDER BY image_id, member`;

const documentsIn = async (database: string): Promise<Document[]> =>
  (await query(database, DOCUMENTS)).map(({ document }) => document as Document);

const withoutDerived = (document: ImageDocument): Document =>
  Object.fromEntries(Object.entries(document).filter(([name]) => !DERIVED.includes(name)));
const byId = (one: Document, other: Document): number => (String(one['id']) < String(other['id']) ? -1 : 1);

describe('an import of the images of a real Glance', () => {
  const images = readRecording<ImageDocument[]>('image-v2-initial.json');
  let database: string;
  beforeAll(async () => {
    database = await createCatalogue(images);
  }, 60_000);

  it('puts every attribute into the database', async () => {
    expect(await documentsIn(database)).toEqual(images.map(withoutDerived).sort(byId));
  });

  it('puts every member into the database, with its times', async () => {
    const members = images.flatMap((image) => image.members ?? []);
    expect(members).not.toEqual([]);
    expect(await query(database, MEMBERS)).toEqual(members);
  });

  it('changes nothing when it is repeated', async () => {
    const versions = 'SELECT id, version FROM images ORDER BY id';
    const before = await query(database, versions);
    await importInto(database, images);
    expect(await query(database, versions)).toEqual(before);
  });
});

it('keeps an id in capitals, null properties and a property without a name, and replaces members by an empty list', async () => {
  const document = {
    ...readRecording<ImageDocument[]>('image-v2-initial.json')[0]!,
    id: 'ABCDEF01-0000-4000-8000-00000000000A',
    visibility: 'shared',
    tags: ['b', '\u{1f600}', '\uffee', ''],
    kernel_id: null,
    ramdisk_id: null,
    '': 'nameless',
    direct_url: 'file:///a',
    locations: [{ url: 'file:///a', metadata: { '': null } }],
    members: [{ member_id: 'p', status: 'accepted' }],
  };
  const database = await createCatalogue([document]);
  const [stored] = await documentsIn(database);
  expect(stored).toEqual({ ...withoutDerived(document), tags: ['', 'b', '\uffee', '\u{1f600}'] });
  expect(await query(database, MEMBERS)).toMatchObject([{ member_id: 'p', created_at: null }]);
  await importInto(database, [{ ...document, members: [] }]);
  expect(await query(database, MEMBERS)).toEqual([]);
}, 60_000);
