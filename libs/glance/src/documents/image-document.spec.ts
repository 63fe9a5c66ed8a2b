import { IMAGE_STATUSES, MEMBER_STATUSES, VISIBILITIES, compareCodePoints } from '@glimpse/domain';
import { membersOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BadDocument } from './bad-document.js';
import { readImageDocument, readMemberDocuments } from './image-document.js';

const ID = '70a599e0-31e7-49b7-b260-868f441e862b';

/** The least that an image document says. */
const LEAST = { id: ID, status: 'active', owner: null, created_at: '2026-11-24T02:28:35Z' };

/** An object whose attributes may be called anything. */
const withAttribute = (name: string, value: unknown): object =>
  Object.fromEntries([...Object.entries(LEAST), [name, value]]);

describe('readImageDocument', () => {
  it('reads a document as Glance writes it', () => {
    expect(
      readImageDocument({
        architecture: 'x86_64',
        name: 'fakeimage7',
        disk_format: 'raw',
        container_format: 'bare',
        visibility: 'public',
        size: 74185,
        virtual_size: 74185,
        status: 'active',
        checksum: '9842cccb60cb5a48efcdbd33bdc9e7e1',
        protected: true,
        min_ram: 512,
        min_disk: 20,
        owner: '6844db25ecb04bcda32cadcbba8844e1',
        os_hidden: true,
        os_hash_algo: 'sha512',
        os_hash_value: '98243867',
        id: ID.toUpperCase(),
        created_at: '2026-11-24T02:28:35Z',
        updated_at: '2026-11-25T02:28:35.123456Z',
        tags: ['x', '\u{1f600}', '\uffee', 'a', 'x'],
        direct_url: 'file:///',
        locations: [{ url: 'file:///', metadata: {} }],
        stores: 'fs',
        self: `/v2/images/${ID}`,
        kernel_id: null,
        '': 'nameless',
      }),
    ).toEqual({
      id: ID,
      shownId: ID.toUpperCase(),
      name: 'fakeimage7',
      status: 'active',
      visibility: 'public',
      hidden: true,
      owner: '6844db25ecb04bcda32cadcbba8844e1',
      protected: true,
      size: 74185,
      minDisk: 20,
      minRam: 512,
      diskFormat: 'raw',
      containerFormat: 'bare',
      checksum: '9842cccb60cb5a48efcdbd33bdc9e7e1',
      hashAlgorithm: 'sha512',
      hashValue: '98243867',
      virtualSize: 74185,
      tags: ['a', 'x', '\uffee', '\u{1f600}'],
      locations: { direct_url: 'file:///', locations: [{ url: 'file:///', metadata: {} }], stores: 'fs' },
      properties: { architecture: 'x86_64', kernel_id: null, '': 'nameless' },
      createdAt: new Date('2026-11-24T02:28:35Z'),
      updatedAt: new Date('2026-11-25T02:28:35.123Z'),
      deleted: false,
    });
  });

  it('fills in what a document leaves out', () => {
    expect(readImageDocument(LEAST)).toEqual({
      id: ID,
      shownId: ID,
      name: null,
      status: 'active',
      visibility: 'shared',
      hidden: false,
      owner: null,
      protected: false,
      size: null,
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
      createdAt: new Date('2026-11-24T02:28:35Z'),
      updatedAt: new Date('2026-11-24T02:28:35Z'),
      deleted: false,
    });
  });

  it('reads null as an unknown name, owner, size and time, and as no need of disk or memory', () => {
    const nulls = {
      name: null,
      owner: null,
      size: null,
      updated_at: null,
      min_disk: null,
      min_ram: null,
      disk_format: null,
      container_format: null,
      checksum: null,
      os_hash_algo: null,
      os_hash_value: null,
      virtual_size: null,
      tags: null,
    };
    expect(readImageDocument({ ...LEAST, ...nulls })).toEqual(readImageDocument(LEAST));
  });

  it('knows an image that its source has deleted', () => {
    expect(readImageDocument({ ...LEAST, status: 'deleted' }).deleted).toBe(true);
  });

  it.each([null, 7, 'x', [LEAST]])('refuses %j, which is no object', (document) => {
    expect(() => readImageDocument(document)).toThrow(/^the document is .*; it must be an object$/);
  });

  it.each([
    ['id', undefined, 'id is missing; it must be a UUID'],
    ['id', '70a599e0', 'id is "70a599e0"; it must be a UUID'],
    ['id', `${ID}\n`, 'it must be a UUID'],
    ['name', 7, 'name is 7; it must be text of 0 to 255 characters'],
    ['name', 'x'.repeat(256), 'it must be text of 0 to 255 characters'],
    [
      'name',
      'a\0b',
      'name is "a\\u0000b"; it must be text without U+0000 and without halves of surrogate pairs',
    ],
    ['name', '\ud83d', 'name is "\\ud83d"; it must be text without'],
    ['name', '\ude00\ud83d', 'it must be text without'],
    ['status', undefined, 'status is missing; it must be one of queued, saving'],
    ['status', 'ACTIVE', 'status is "ACTIVE"; it must be one of queued, saving'],
    ['visibility', 'secret', 'visibility is "secret"; it must be one of public, community, shared, private'],
    ['visibility', null, 'visibility is null; it must be one of'],
    ['os_hidden', 'true', 'os_hidden is "true"; it must be true or false'],
    ['protected', 1, 'protected is 1; it must be true or false'],
    ['owner', '', 'owner is ""; it must be text of 1 to 255 characters'],
    ['owner', { id: 'x' }, 'owner is {"id":"x"}; it must be'],
    ['size', -1, 'size is -1; it must be a whole number from 0 to 9007199254740991'],
    ['size', 2 ** 53, 'size is 9007199254740992; it must be a whole number'],
    ['size', '7', 'size is "7"; it must be a whole number'],
    ['min_disk', 1.5, 'min_disk is 1.5; it must be a whole number from 0 to 2147483647'],
    ['min_ram', 2 ** 31, 'min_ram is 2147483648; it must be a whole number from 0 to 2147483647'],
    ['created_at', undefined, 'created_at is missing; it must be a UTC time such as 2026-11-24T02:28:35Z'],
    ['created_at', 'yesterday', 'created_at is "yesterday"; it must be a UTC time'],
    ['created_at', '2026-02-30T00:00:00Z', 'it must be a UTC time'],
    ['created_at', '2026-11-24T24:00:00Z', 'it must be a UTC time'],
    ['created_at', '2026-11-24T02:28:35', 'it must be a UTC time'],
    ['created_at', '0000-01-01T00:00:00Z', 'it must be a UTC time'],
    ['created_at', 1_795_000_000, 'it must be a UTC time'],
    [
      'updated_at',
      '2026-11-24T02:28:35+02:00',
      'updated_at is "2026-11-24T02:28:35+02:00"; it must be a UTC time',
    ],
    ['color', 7, 'property "color" is 7; it must be text of 0 to 65535 characters'],
    ['color', ['red'], 'property "color" is ["red"]; it must be text'],
    ['color', 'r\0d', 'property "color" is "r\\u0000d"; it must be text without'],
    ['color', 'x'.repeat(65_536), 'it must be text of 0 to 65535 characters'],
    ['virtual_size', -1, 'virtual_size is -1; it must be a whole number from 0 to'],
    ['disk_format', 7, 'disk_format is 7; it must be text of 0 to 255 characters'],
    ['tags', 'x', 'tags is "x"; it must be an array of texts'],
    ['tags', [7], 'a tag is 7; it must be text of 0 to 255 characters'],
    ['tags', ['a\0b'], 'a tag is "a\\u0000b"; it must be text without'],
    ['x'.repeat(256), 'x', 'the name of a property is "xxx'],
    ['a\0b', 'x', 'the name of a property is "a\\u0000b"'],
  ])('refuses %j as %j', (name, value, message) => {
    const read = (): unknown => readImageDocument(withAttribute(name, value));
    expect(read).toThrow(BadDocument);
    expect(read).toThrow(message);
  });

  it('reads a virtual size that is beyond a safe integer, as data may claim any', () => {
    const { virtualSize } = readImageDocument({ ...LEAST, virtual_size: 2 ** 63 - 1 });
    expect(BigInt(virtualSize!)).toBeLessThan(2n ** 63n);
    expect(readImageDocument({ ...LEAST, virtual_size: 2 ** 60 }).virtualSize).toBe(2 ** 60);
  });

  it('shortens what it shows of a value', () => {
    expect(() => readImageDocument({ ...LEAST, name: 'x'.repeat(1_000) })).toThrow(/^.{60,150}$/);
  });

  it('keeps properties with the names of what every object has', () => {
    const { properties } = readImageDocument(
      JSON.parse(JSON.stringify(LEAST).replace('{', '{"__proto__":"x","constructor":"y",')),
    );
    expect(Object.entries(properties)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(Object.getPrototypeOf(properties)).toBe(Object.prototype);
  });

  it('counts characters as PostgreSQL does', () => {
    expect(readImageDocument({ ...LEAST, name: '😀'.repeat(255) }).name).toHaveLength(510);
    expect(() => readImageDocument({ ...LEAST, name: '😀'.repeat(256) })).toThrow(BadDocument);
  });

  it.each(['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'])('reads %s', (time) => {
    expect(readImageDocument({ ...LEAST, created_at: time }).createdAt).toEqual(new Date(time));
  });

  it('reads back every valid document', () => {
    const text = (minLength: number, maxLength = 255) =>
      fc.string({ unit: 'binary', minLength, maxLength }).filter((value) => !value.includes('\0'));
    const time = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    // JSON has no -0.
    const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)));
    const image = fc.record({
      shownId: fc.oneof(
        fc.uuid(),
        fc.uuid().map((id) => id.toUpperCase()),
      ),
      name: fc.option(text(0)),
      status: fc.constantFrom(...IMAGE_STATUSES),
      visibility: fc.constantFrom(...VISIBILITIES),
      hidden: fc.boolean(),
      owner: fc.option(text(1)),
      protected: fc.boolean(),
      size: fc.option(fc.maxSafeNat()),
      minDisk: fc.nat(),
      minRam: fc.nat(),
      diskFormat: fc.option(text(0)),
      containerFormat: fc.option(text(0)),
      checksum: fc.option(text(0)),
      hashAlgorithm: fc.option(text(0)),
      hashValue: fc.option(text(0)),
      virtualSize: fc.option(fc.maxSafeNat()),
      tags: fc.uniqueArray(text(0)).map((tags) => tags.sort(compareCodePoints)),
      locations: fc.option(
        fc.record(
          { direct_url: fc.webUrl(), stores: text(0), locations: fc.array(json) },
          { noNullPrototype: true, requiredKeys: ['direct_url'] },
        ),
      ),
      properties: fc.dictionary(
        // No base attribute begins so.
        text(0, 254).map((name) => name && `x${name}`),
        fc.option(text(0)),
        { noNullPrototype: true },
      ),
      createdAt: time,
      updatedAt: time,
    });
    fc.assert(
      fc.property(image, (expected) => {
        const { shownId, hidden, minDisk, minRam, createdAt, updatedAt, properties, ...rest } = expected;
        const { diskFormat, containerFormat, hashAlgorithm, hashValue, virtualSize, locations, ...same } =
          rest;
        const document = {
          ...properties,
          ...same,
          ...locations,
          id: shownId,
          disk_format: diskFormat,
          container_format: containerFormat,
          os_hash_algo: hashAlgorithm,
          os_hash_value: hashValue,
          virtual_size: virtualSize,
          os_hidden: hidden,
          min_disk: minDisk,
          min_ram: minRam,
          created_at: createdAt.toISOString(),
          updated_at: updatedAt.toISOString(),
        };
        expect(readImageDocument(JSON.parse(JSON.stringify(document)))).toEqual({
          ...expected,
          id: shownId.toLowerCase(),
          deleted: expected.status === 'deleted',
        });
      }),
    );
  });
});

describe('readMemberDocuments', () => {
  it('reads the members of an image', () => {
    const documents = MEMBER_STATUSES.map((status) => ({
      member_id: `in ${status}`,
      image_id: ID.toUpperCase(),
      status,
      created_at: '2026-11-24T02:26:47Z',
      updated_at: '2026-11-24T02:26:48Z',
      schema: '/v2/schemas/member',
    }));
    expect(readMemberDocuments(ID.toUpperCase(), documents)).toEqual({
      imageId: ID,
      members: new Map(
        MEMBER_STATUSES.map((status) => [
          `in ${status}`,
          {
            status,
            createdAt: new Date('2026-11-24T02:26:47Z'),
            updatedAt: new Date('2026-11-24T02:26:48Z'),
          },
        ]),
      ),
    });
  });

  it('lets the later document of a project count', () => {
    const documents = [
      { member_id: 'p', status: 'pending' },
      { member_id: 'p', status: 'accepted' },
    ];
    expect(readMemberDocuments(ID, documents).members).toEqual(membersOf({ p: 'accepted' }));
  });

  it.each([
    ['x', [], 'the image id is "x"; it must be a UUID'],
    [ID, {}, 'the list is {}; it must be an array of member documents'],
    [ID, [7], 'a member is 7; it must be an object'],
    [ID, [{ status: 'pending' }], 'member_id is missing; it must be text of 1 to 255 characters'],
    [ID, [{ member_id: '', status: 'pending' }], 'member_id is ""; it must be text of 1 to 255 characters'],
    [ID, [{ member_id: 'a\0', status: 'pending' }], 'member_id is "a\\u0000"; it must be text without'],
    [
      ID,
      [{ member_id: 'p', status: 'deleted' }],
      'status is "deleted"; it must be one of pending, accepted, rejected',
    ],
    [ID, [{ member_id: 'p' }], 'status is missing; it must be one of'],
    [
      ID,
      [{ member_id: 'p', image_id: 'other', status: 'pending' }],
      `image_id is "other"; it must be the image id ${ID}`,
    ],
  ])('refuses members of %j that are %j', (imageId, documents, message) => {
    expect(() => readMemberDocuments(imageId, documents)).toThrow(message);
  });
});
