import type { IncomingMessage } from 'node:http';
import { requestBaseUrl } from '@glimpse/links';

/** The URL at which the client of a request reaches this service: the configured one, or the request's own. */
export function baseUrlOf(request: IncomingMessage, publicUrl: string | undefined): string {
  const forwardedProto = request.headers['x-forwarded-proto'];
  return (
    publicUrl ??
    requestBaseUrl(
      request.headers.host ?? `127.0.0.1:${request.socket.localPort}`,
      Array.isArray(forwardedProto) ? forwardedProto[0] : forwardedProto,
    )
  );
}
