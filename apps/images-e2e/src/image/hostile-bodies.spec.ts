import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@glimpse/domain/testing';
import { createDatabase } from '../harness/databases.js';
import { bytesOf, RawConnection, sendRaw, type RawResponse } from '../harness/raw-http.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

const PATCH = 'application/openstack-images-v2.1-json-patch';
const OCTETS = 'application/octet-stream';

let service: Service;
beforeAll(async () => {
  service = await startService(await createDatabase('migrated'), { GLIMPSE_IMAGE_PORT: '0' });
});
afterAll(() => service.stop());

const TOKEN = { 'x-auth-token': tokenOf('demo') };
const send = (method: string, target: string, type: string, body: string | Buffer): Promise<RawResponse> =>
  sendRaw(service.imageUrl, { method, target, headers: { ...TOKEN, 'content-type': type }, body });

async function create(): Promise<string> {
  const image = JSON.stringify({ name: 'one', disk_format: 'raw', container_format: 'bare' });
  const { status, text } = await send('POST', '/v2/images', 'application/json', image);
  expect(status).toBe(201);
  return (JSON.parse(text) as { id: string }).id;
}

async function shown(id: string): Promise<Record<string, unknown>> {
  const headers = { ...TOKEN, 'cache-control': 'no-cache' };
  const { text } = await sendRaw(service.imageUrl, { target: `/v2/images/${id}`, headers });
  return JSON.parse(text) as Record<string, unknown>;
}

async function count(): Promise<number> {
  const { text } = await sendRaw(service.imageUrl, { target: '/v2/images?limit=1000', headers: TOKEN });
  return (JSON.parse(text) as { images: object[] }).images.length;
}

function expectError({ status, text }: RawResponse, allowed: readonly number[]): void {
  expect(allowed).toContain(status);
  const { error } = JSON.parse(text) as { error: { code: number; message: string } };
  expect(error).toMatchObject({ code: status, message: expect.stringMatching(/./) });
}

const many = (n: number, text: (n: number) => string): string =>
  Array.from({ length: n }, (_, at) => text(at)).join(',');

describe('a document that no client sends', () => {
  const DOCUMENTS: readonly (readonly [name: string, document: string | Buffer, ...statuses: number[]])[] = [
    ['ten million tags', `{"tags": [${'"t",'.repeat(10_000_000)}"t"]}`, 413],
    ['as many tags as fit', `{"tags": [${many(9_000, (n) => `"t${n}"`)}]}`, 413],
    ['as many properties as fit', `{${many(5_000, (n) => `"p${n}": "v"`)}}`, 413],
    ['arrays in arrays', `{"tags": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`, 400],
    ['objects in objects', `${'{"a":'.repeat(15_000)}1${'}'.repeat(15_000)}`, 400],
    ['a number beyond all', '{"min_disk": 1e999}', 400],
    ['half a surrogate pair', '{"name": "\\ud800"}', 400],
    ['a NUL', '{"name": "a\\u0000b"}', 400],
    ['no UTF-8', Buffer.from('7b226e616d65223a22ff227d', 'hex'), 400],
    ['gzip', gzipSync('{"name": "one"}'), 400],
    ['no object', '[{"name": "one"}]', 400],
    ['half of one', '{"name": "on', 400],
  ];

  it.each(DOCUMENTS)('creates nothing: %s', async (_name, document, ...statuses) => {
    const before = await count();
    expectError(await send('POST', '/v2/images', 'application/json', document), statuses);
    expect(await count()).toBe(before);
  });

  const add = (path: string, value = '"v"'): string => `{"op": "add", "path": "${path}", "value": ${value}}`;
  const PATCHES: readonly (readonly [name: string, patch: string, ...statuses: number[]])[] = [
    ['a million operations', `[${`${add('/a')},`.repeat(1_000_000)}${add('/a')}]`, 413],
    ['as many properties as fit', `[${many(1_500, (n) => add(`/p${n}`))}]`, 413],
    ['a path of 50,000 parts', `[${add('/a'.repeat(50_000))}]`, 400],
    ['an escape at the end', `[${add('/a~')}]`, 400],
    ['a value in arrays', `[${add('/a', `${'['.repeat(20_000)}${']'.repeat(20_000)}`)}]`, 400],
    ['an operation without a name', '[{"path": "/a", "value": "v"}]', 400],
    ['null', 'null', 400],
    ['the last operation is wrong', `[${add('/a')}, ${add('/status')}]`, 403],
  ];

  it.each(PATCHES)('changes nothing: %s', async (_name, patch, ...statuses) => {
    const id = await create();
    const before = await shown(id);
    expectError(await send('PATCH', `/v2/images/${id}`, PATCH, patch), statuses);
    expect(await shown(id)).toEqual(before);
  });
});

describe('an upload whose length is wrong', () => {
  async function upload(id: string, headers: Record<string, string>, body: string): Promise<RawConnection> {
    const connection = await RawConnection.open(service.imageUrl);
    const all = { ...TOKEN, 'content-type': OCTETS, ...headers };
    connection.write(bytesOf({ method: 'PUT', target: `/v2/images/${id}/file`, headers: all, body }));
    return connection;
  }
  const queued = async (id: string): Promise<void> =>
    until(async () => (await shown(id))['status'] === 'queued');

  it.each([
    ['shorter than it says', { 'content-length': '100' }, 'short'],
    ['cut off in a chunk', { 'transfer-encoding': 'chunked' }, 'a\r\nshort'],
    ['without the last chunk', { 'transfer-encoding': 'chunked' }, '5\r\nshort\r\n'],
  ])('leaves the image queued: %s', async (_name, headers, body) => {
    const id = await create();
    const connection = await upload(id, headers, body);
    await until(async () => (await shown(id))['status'] === 'saving');
    connection.end();
    await queued(id);
    expect(await shown(id)).toMatchObject({ size: null, checksum: null });
    connection.close();
  });

  it.each([
    ['two lengths', { 'content-length': ['5', '6'] as unknown as string }, 'short'],
    [
      'a length and chunks',
      { 'content-length': '5', 'transfer-encoding': 'chunked' },
      '5\r\nshort\r\n0\r\n\r\n',
    ],
    ['a negative length', { 'content-length': '-5' }, 'short'],
    ['a length that is no number', { 'content-length': '0x5' }, 'short'],
    ['an encoding that is unknown', { 'transfer-encoding': 'gzip, chunked' }, '5\r\nshort\r\n0\r\n\r\n'],
  ])('is refused before a byte is stored: %s', async (_name, headers, body) => {
    const id = await create();
    const connection = await upload(id, headers, body);
    const { status } = await connection.response();
    expect(status).toBe(400);
    expect(await shown(id)).toMatchObject({ status: 'queued', size: null });
    connection.close();
  });

  it.each([
    ['a chunk size that is none', 'zz\r\nshort\r\n0\r\n\r\n'],
    ['a chunk longer than it says', '2\r\nshort\r\n0\r\n\r\n'],
    ['a size beyond all', `${'f'.repeat(20)}\r\nshort\r\n0\r\n\r\n`],
    ['an extension without end', `5;${'x'.repeat(100_000)}`],
  ])('is refused, and the image waits for data again: %s', async (_name, body) => {
    const id = await create();
    const connection = await upload(id, { 'transfer-encoding': 'chunked' }, body);
    const { status } = await connection.response();
    expect([400, 413]).toContain(status);
    await queued(id);
    connection.close();
  });

  it('is stored with its extensions and trailers left out', async () => {
    const id = await create();
    const body = '5;name=value\r\nwhole\r\n0;last\r\nx-trailer: 1\r\n\r\n';
    const connection = await upload(id, { 'transfer-encoding': 'chunked' }, body);
    expect((await connection.response()).status).toBe(204);
    expect(await shown(id)).toMatchObject({ status: 'active', size: 5 });
    connection.close();
  });

  it('is not followed by a request that was sent as data', async () => {
    const id = await create();
    const smuggled = `DELETE /v2/images/${id} HTTP/1.1\r\nhost: a\r\nx-auth-token: ${tokenOf('demo')}\r\n\r\n`;
    const connection = await upload(id, { 'content-length': String(smuggled.length) }, smuggled);
    expect((await connection.response()).status).toBe(204);
    expect(await shown(id)).toMatchObject({ status: 'active', size: smuggled.length });
    connection.close();
  });
});
