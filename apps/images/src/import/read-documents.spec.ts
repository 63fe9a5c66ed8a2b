import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_DEPTH } from './json-input.js';
import { MAX_IMAGE_BYTES, readDocuments, type DocumentReading } from './read-documents.js';
import { UnreadableInput } from './unreadable-input.js';

/** The bytes of a text, in chunks of a size. */
async function* chunksOf(text: string | Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** All that is read, and the error that ended it. */
async function read(
  text: string | Uint8Array,
  size?: number,
): Promise<{ readings: DocumentReading[]; error: UnreadableInput | undefined }> {
  const readings: DocumentReading[] = [];
  try {
    for await (const reading of readDocuments(chunksOf(text, size))) readings.push(reading);
  } catch (error) {
    if (!(error instanceof UnreadableInput)) throw error;
    return { readings, error };
  }
  return { readings, error: undefined };
}

async function readingsOf(text: string | Uint8Array, size?: number): Promise<DocumentReading[]> {
  const { readings, error } = await read(text, size);
  if (error) throw error;
  return readings;
}

const image = (position: number, document: unknown): DocumentReading => ({
  kind: 'image',
  position,
  document,
});

describe('readDocuments', () => {
  it('reads a list of images with their members', async () => {
    expect(
      await readingsOf('{"images": [{"id": "a"}, {"id": "b"}], "members": {"a": [], "b": [{}]}}'),
    ).toEqual([
      image(1, { id: 'a' }),
      image(2, { id: 'b' }),
      { kind: 'members', imageId: 'a', document: [] },
      { kind: 'members', imageId: 'b', document: [{}] },
    ]);
  });

  it('reads members that come before the images', async () => {
    expect(await readingsOf('{"members": {"a": []}, "images": [{"id": "a"}]}')).toEqual([
      { kind: 'members', imageId: 'a', document: [] },
      image(1, { id: 'a' }),
    ]);
  });

  it('reads a bare array', async () => {
    expect(await readingsOf('[{"id": "a"}, {"id": "b"}]')).toEqual([
      image(1, { id: 'a' }),
      image(2, { id: 'b' }),
    ]);
  });

  it('reads a single document', async () => {
    expect(await readingsOf('{"k": "v", "id": "a", "tags": [["x"]], "size": null}')).toEqual([
      image(1, { k: 'v', id: 'a', tags: [['x']], size: null }),
    ]);
  });

  it('reads a single document with properties called images and members', async () => {
    const document = { images: 'of cats', members: 'none', id: 'a' };
    expect(await readingsOf(JSON.stringify(document))).toEqual([image(1, document)]);
  });

  it.each(['{"images": []}', '{"images": [], "members": {}}', ' [ ] ', '{"members":{}}'])(
    'finds nothing in %s',
    async (text) => expect(await readingsOf(text)).toEqual([]),
  );

  it("reads Glance's responses", async () => {
    const text = '{"images": [{"id": "a"}], "first": "/v2/images", "schema": "/v2/schemas/images"}';
    expect(await readingsOf(text)).toEqual([image(1, { id: 'a' })]);
  });

  it('reports unknown attributes of a list, before and after the images', async () => {
    const bad = (subject: string) => ({
      kind: 'bad',
      subject,
      reason: 'only "images" and "members" are imported',
    });
    expect(await readingsOf('{"x": [1, {}], "images": [{"id": "a"}], "y": null}')).toEqual([
      image(1, { id: 'a' }),
      bad('"x"'),
      bad('"y"'),
    ]);
  });

  it.each([
    ['{"images": [{"id": "a"}, {"id": "b"}], "next": "/v2/images?marker=b"}'],
    ['{"next": "/v2/images?marker=b", "images": [{"id": "a"}, {"id": "b"}]}'],
  ])('reports the number of images before the missing ones: %s', async (text) => {
    const readings = await readingsOf(text);
    expect(readings.at(-1)).toEqual({
      kind: 'bad',
      subject: 'the list continues',
      reason:
        'these are the first 2 images only, because "next" names a page of more, which is not imported; ' +
        'import every page, as docs/import.md shows',
    });
    expect(readings).toHaveLength(3);
  });

  it('accepts a last page with an empty next', async () => {
    expect(await readingsOf('{"images": [{"id": "a"}], "next": null}')).toEqual([image(1, { id: 'a' })]);
  });

  it('reads the same wherever chunks end', async () => {
    const text = ` {"first":"\\\\","images" : [{"id":"ü€😀\\"\\ud83d\\ude00]},","n":-1.5e3,"t":[true,[null]]},7,"s"],
      "members":{"é":[{"status":"]\\\\"}]}}\n`;
    const whole = await readingsOf(text);
    expect(whole).toHaveLength(4);
    for (let size = 1; size <= Buffer.byteLength(text); size++) {
      expect(await readingsOf(text, size)).toEqual(whole);
    }
  });

  it('yields the same documents as JSON.parse finds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), fc.integer({ min: 1, max: 50 }), async (documents, size) => {
        const text = JSON.stringify(documents);
        const expected = (JSON.parse(text) as unknown[]).map((document, index) => image(index + 1, document));
        expect(await readingsOf(text, size)).toEqual(expected);
      }),
    );
  });

  it('never fails but by saying why, whatever the bytes', async () => {
    const parts = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '"images"',
      '"members"',
      '1',
      'true',
      ' ',
      '\xff',
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...parts)), async (picked) => {
        const text = Buffer.from(picked.join(''), 'latin1');
        const { error } = await read(text);
        let valid: boolean;
        try {
          valid = typeof JSON.parse(text.toString()) === 'object';
        } catch {
          valid = false;
        }
        if (!valid) expect(error).toBeInstanceOf(UnreadableInput);
      }),
      { numRuns: 2_000 },
    );
  });

  it('accepts a byte order mark, and keeps one that is part of a text', async () => {
    expect(await readingsOf('\uFEFF[{"id": "\uFEFFa\uFEFF"}]', 1)).toEqual([
      image(1, { id: '\uFEFFa\uFEFF' }),
    ]);
  });

  it('lets the last of equal names count', async () => {
    expect(await readingsOf('[{"id": "a", "id": "b"}]')).toEqual([image(1, { id: 'b' })]);
    expect(await readingsOf('{"id": "a", "id": "b"}')).toEqual([image(1, { id: 'b' })]);
  });

  it.each(['[{"__proto__": {"polluted": 1}}]', '{"__proto__": {"polluted": 1}}'])(
    'takes __proto__ for a name like any other: %s',
    async (text) => {
      const [reading] = await readingsOf(text);
      const { document } = reading as { document: object };
      expect(Object.keys(document)).toEqual(['__proto__']);
      expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
      expect('polluted' in {}).toBe(false);
    },
  );

  it.each([
    ['', 'byte 0: the input is empty'],
    [' \n', 'byte 2: the input is empty'],
    ['"images"', 'byte 0: expected an object or an array of images, but found "\\""'],
    ['[{"id": "a"}', 'byte 12: expected "," or "]", but the input ends'],
    ['[{"id": "a"},', 'byte 13: expected a value, but the input ends'],
    ['[{"id": "a"},]', 'byte 13: expected a value, but found "]"'],
    ['[{"id": "a"}, {"id": "b', 'byte 23: the input ends in the value that began at byte 14'],
    ['[{"id": "a"}}', 'byte 12: expected "," or "]", but found "}"'],
    ['[{"id": "a"}] x', 'byte 14: expected nothing more, but found "x"'],
    ['[{"id": "a"}, {"id": tru}]', 'byte 14: the value to byte 25 is broken: Unexpected token'],
    ['{"images": [{"id": "a"}]', 'byte 24: expected "," or "}", but the input ends'],
    ['{"images": [{"id": "a"}], 1: 2}', 'byte 26: expected a name in quotes, but found "1"'],
    ['{"images" [', 'byte 10: expected ":", but found "["'],
  ])('reports where %j is broken', async (text, message) => {
    const { readings, error } = await read(text);
    expect(error?.message).toContain(message);
    expect(readings).toEqual(text.includes('{"id": "a"}') ? [image(1, { id: 'a' })] : []);
  });

  it('reports where the input is not UTF-8', async () => {
    const { readings, error } = await read(Buffer.from('[{"id": "a"}, {"id": "\xff"}]', 'latin1'));
    expect(readings).toEqual([image(1, { id: 'a' })]);
    expect(error?.message).toBe('byte 14: the value to byte 25 is broken: it is not UTF-8');
  });

  it.each([
    [
      'a giant text',
      `{"id": "${'x'.repeat(MAX_IMAGE_BYTES)}"}`,
      `it is longer than ${MAX_IMAGE_BYTES} bytes`,
    ],
    [
      'many attributes',
      `{${'"k": "v",'.repeat(200_000)}"id": "x"}`,
      `it is longer than ${MAX_IMAGE_BYTES} bytes`,
    ],
    [
      'depth',
      `{"k": ${'['.repeat(5_000_000)}${']'.repeat(5_000_000)}}`,
      `it is nested deeper than ${MAX_DEPTH}`,
    ],
    [
      'depth and length',
      '[{"k":'.repeat(300_000) + '1' + '}]'.repeat(300_000),
      `it is nested deeper than ${MAX_DEPTH}`,
    ],
  ])('skips a document of %s, and continues with the next', async (_, giant, reason) => {
    expect(await readingsOf(`{"images": [${giant}, {"id": "b"}]}`)).toEqual([
      { kind: 'bad', subject: 'image 1', reason },
      image(2, { id: 'b' }),
    ]);
  });

  it.each([
    ['one attribute', `{"id": "${'x'.repeat(MAX_IMAGE_BYTES)}"}`],
    ['attributes', `{${Array.from({ length: 80_000 }, (_, index) => `"key ${index}": "value"`).join()}}`],
  ])('refuses a single document that is too long by its %s', async (_, text) => {
    expect(await readingsOf(text)).toEqual([
      { kind: 'bad', subject: 'image 1', reason: `it is longer than ${MAX_IMAGE_BYTES} bytes` },
    ]);
  });

  it('reads members of more bytes than an image may have', async () => {
    const members = Array.from({ length: 20_000 }, (_, index) => ({
      member_id: `project ${index}`,
      image_id: '70a599e0-31e7-49b7-b260-868f441e862b',
      status: 'accepted',
    }));
    expect(await readingsOf(JSON.stringify({ members: { a: members } }))).toEqual([
      { kind: 'members', imageId: 'a', document: members },
    ]);
  });

  it('holds one document at a time, however many there are', async () => {
    const total = 200_000;
    async function* generated(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"images": [');
      for (let index = 0; index < total; index += 100) {
        const documents = Array.from({ length: 100 }, (_, offset) =>
          JSON.stringify({ id: `${index + offset}`, name: 'x'.repeat(700), tags: [] }),
        );
        yield Buffer.from(`${index === 0 ? '' : ','}${documents.join()}`);
      }
      yield Buffer.from(']}');
    }
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const used = (): number => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    let read = 0;
    const memory: number[] = [];
    for await (const reading of readDocuments(generated())) {
      if (reading.kind !== 'image') throw new Error('no image');
      read++;
      if (read === total / 10 || read === total) memory.push(used());
    }
    expect(read).toBe(total);
    const [early, late] = memory as [number, number];
    expect(late).toBeLessThan(1.5 * early);
  }, 30_000);

  it('lets go of where the chunks come from when the reader stops early', async () => {
    const file = Readable.from(chunksOf('[{"id": "a"}, {"id": "b"}]', 1));
    for await (const reading of readDocuments(file)) if (reading.kind === 'image') break;
    expect(file.destroyed).toBe(true);
  });
});
