import { Agent, request } from 'undici';
import type { HttpClientOptions } from './http-client.js';

/** The connections of a client, and how requests are sent over them. */
export interface Connections {
  readonly dispatcher: Agent;
  readonly request: typeof request;
}

/** Opens no connection yet. */
export function openConnections({ connectTimeoutMs, ca, connections }: HttpClientOptions): Connections {
  const dispatcher = new Agent({
    connect: { timeout: connectTimeoutMs, ...(ca !== undefined && { ca }) },
    ...(connections !== undefined && { connections }),
  });
  return { dispatcher, request };
}
