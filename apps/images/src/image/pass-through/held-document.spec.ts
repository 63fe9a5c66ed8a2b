import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, it } from '@jest/globals';
import { heldDocument, parsed } from './held-document.js';

const JSON_TYPE = ['Content-Type', 'Application/JSON; charset=UTF-8'];

/** A response whose body comes in pieces of so many bytes. */
function responseOf(
  bytes: Buffer,
  pieceBytes: number,
  headers: readonly string[],
): Parameters<typeof heldDocument>[0] {
  const pieces = function* (): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  };
  return {
    status: 201,
    statusText: 'Created',
    headers: [...headers],
    body: Readable.from(pieces(), { objectMode: false }),
  };
}

it.each([
  ['with a length', [...JSON_TYPE, 'Content-Length', '12']],
  ['without one', JSON_TYPE],
])('a document %s is read whole', async (_, headers) => {
  const response = responseOf(Buffer.from('{"id": "an"}'), 5, headers);
  expect(parsed(await heldDocument(response))).toEqual({ id: 'an' });
  expect(response.body.readableEnded).toBe(true);
});

it('of a larger document the rest is left to be sent', async () => {
  const bytes = randomBytes(3_000_000);
  const response = responseOf(bytes, 65_536, JSON_TYPE);
  const held = (await heldDocument(response))!;
  expect(held.length).toBeLessThan(1.1 * 2 ** 20);
  expect(Buffer.concat([held, await buffer(response.body)]).equals(bytes)).toBe(true);
});

it('another body is left alone', async () => {
  const response = responseOf(Buffer.from('text'), 2, ['Content-Type', 'text/plain']);
  expect(await heldDocument(response)).toBeUndefined();
  expect((await buffer(response.body)).toString()).toBe('text');
});

it('a document that breaks is an error', async () => {
  const body = new Readable({ read: () => undefined });
  body.push('{');
  const held = heldDocument({ ...responseOf(Buffer.alloc(0), 1, JSON_TYPE), body });
  body.destroy(new Error('broken'));
  await expect(held).rejects.toThrow('broken');
});
