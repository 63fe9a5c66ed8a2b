import type { Socket } from 'node:net';
import type pg from 'pg';

type Query = pg.QueryConfig<unknown[]> & { readonly query_timeout?: number };
type Callback = (error: Error | null, result?: pg.QueryResult) => void;
/** The form of pg's `query` to which its other forms are brought here. */
type Send = (query: Query, values: unknown, callback: Callback) => void;

/**
 * Limits how long the queries of a client wait for their responses: where nothing arrives for the time of the limit, the
 * connection is closed, and its queries fail. Of a process that was busy for as long, pg's own limit fails also those
 * whose responses have arrived: timers run before arrived data is read.
 *
 * @param socket the one that the client was given
 * @param defaultMs the limit of queries without a `query_timeout`; 0: none
 */
export function limitQueries(client: pg.Client, socket: Socket, defaultMs: number): void {
  const send = client.query.bind(client) as unknown as Send;
  const query = (config: string | Query, values?: unknown, callback?: unknown): unknown => {
    if (typeof values === 'function') return query(config, undefined, values);
    const { query_timeout: limitMs = defaultMs, ...sent } =
      typeof config === 'string' ? { text: config } : config;
    const sendLimited = (onEnd: Callback): void => {
      const stop = limitMs > 0 ? closeOnSilence(socket, limitMs) : () => undefined;
      send(sent, values, (error, result) => {
        stop();
        onEnd(error, result);
      });
    };
    if (typeof callback === 'function') return sendLimited(callback as Callback);
    return new Promise((resolve, reject) => {
      sendLimited((error, result) => (error ? reject(error) : resolve(result)));
    });
  };
  client.query = query as typeof client.query;
}

/** Closes a connection once nothing was received for some time; returns what ends that. */
function closeOnSilence(socket: Socket, limitMs: number): () => void {
  let { bytesRead } = socket;
  let immediate: NodeJS.Immediate | undefined;
  const check = (): void => {
    if (socket.bytesRead === bytesRead) {
      socket.destroy(new Error('Query read timeout'));
    } else {
      ({ bytesRead } = socket);
      timer.refresh();
    }
  };
  // Timers run before arrived data is read, immediates after it.
  const timer = setTimeout(() => (immediate = setImmediate(check)), limitMs);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
