import type { Api } from './api.js';
import { newRequestId } from './response-headers.js';

/** The response to an error outside any route, with all its headers; the connection ends with it. */
export function closingFault(
  api: Api,
  error: Error,
): { status: number; headers: Record<string, string | number>; body: string } {
  const { status, headers, body } = api.faultOf(error);
  return {
    status,
    headers: {
      ...api.responseHeaders(newRequestId()),
      ...headers,
      'content-length': Buffer.byteLength(body),
      date: new Date().toUTCString(),
      connection: 'close',
    },
    body,
  };
}
