import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';
import { faultOf } from '../compute/faults.js';
import { answerBrokenRequest } from './broken-requests.js';
import type { Face } from './api.js';

const face = { faultOf } as Face;

/** A connection that keeps what is written to it; `_httpMessage` is what Node says it is answering. */
class FakeConnection extends PassThrough {
  _httpMessage: unknown = null;
  written = '';

  override write(chunk: unknown): boolean {
    this.written += String(chunk);
    return true;
  }
}

function fail(connection: FakeConnection, code: string): void {
  answerBrokenRequest(face, Object.assign(new Error(code), { code }), connection);
}

/** A response that is still to be sent; `complete` says whether its request came whole. */
function response(complete: boolean, headersSent = false): EventEmitter {
  return Object.assign(new EventEmitter(), { headersSent, req: { complete } });
}

function answerOf({ written }: FakeConnection): { head: string; body: unknown } {
  const [head = '', body = ''] = written.split('\r\n\r\n');
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
  return { head, body: JSON.parse(body) as unknown };
}

describe('a connection that cannot be read on', () => {
  it.each([
    ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout', 408, 'The request did not arrive in time.'],
    [
      'HPE_HEADER_OVERFLOW',
      '431 Request Header Fields Too Large',
      431,
      'The request line and headers are larger than 16384 bytes.',
    ],
    ['HPE_INVALID_METHOD', '400 Bad Request', 400, 'The request is not well-formed HTTP.'],
    ['HPE_INVALID_EOF_STATE', '400 Bad Request', 400, 'The request is not well-formed HTTP.'],
  ])('because of %s is answered %s, and ends', (code, line, status, message) => {
    const connection = new FakeConnection();
    fail(connection, code);
    const { head, body } = answerOf(connection);
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${line}\r\n`));
    expect(body).toEqual({ badRequest: { code: status, message } });
    for (const header of [
      /^content-type: application\/json; charset=UTF-8\r?$/m,
      /^connection: close\r?$/m,
      /^cache-control: private, no-cache\r?$/m,
      /^vary: X-Auth-Token\r?$/m,
      /^date: .* GMT\r?$/m,
      /^x-openstack-request-id: req-[0-9a-f-]{36}\r?$/m,
    ]) {
      expect(head).toMatch(header);
    }
    expect(connection.writableEnded).toBe(true);
    connection.destroy();
  });

  it('is answered when it broke in the midst of the request that is being answered', () => {
    const connection = new FakeConnection();
    connection._httpMessage = response(false);
    fail(connection, 'ERR_HTTP_REQUEST_TIMEOUT');
    expect(answerOf(connection).head).toContain('408');
    connection.destroy();
  });

  it.each([
    ['waits to be answered', response(true)],
    ['is half sent', response(false, true)],
  ])('is answered after what %s', (_, earlier) => {
    const connection = new FakeConnection();
    connection._httpMessage = earlier;
    fail(connection, 'HPE_INVALID_METHOD');
    // What the client sends on says the same again.
    fail(connection, 'HPE_INVALID_METHOD');
    expect(connection.written).toBe('');
    const next = response(true);
    connection._httpMessage = next;
    earlier.emit('close');
    expect(connection.written).toBe('');
    connection._httpMessage = null;
    next.emit('close');
    expect(connection.written.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(connection.writableEnded).toBe(true);
    connection.destroy();
  });

  it('is left alone when it has ended already', () => {
    const connection = new FakeConnection();
    connection.end();
    fail(connection, 'ECONNRESET');
    expect(connection.written).toBe('');
    connection.destroy();
  });

  it('is closed for good when the client goes on for too long after the answer was sent', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick'] });
    try {
      const connection = new FakeConnection({ autoDestroy: false });
      let sent = (): void => undefined;
      connection._flush = (done) => (sent = done);
      fail(connection, 'HPE_INVALID_METHOD');
      jest.advanceTimersByTime(10_000);
      expect(connection.destroyed).toBe(false);
      sent();
      await once(connection, 'finish');
      jest.advanceTimersByTime(1_900);
      expect(connection.destroyed).toBe(false);
      jest.advanceTimersByTime(200);
      expect(connection.destroyed).toBe(true);
    } finally {
      jest.useRealTimers();
    }
  });
});
