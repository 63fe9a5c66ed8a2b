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
 * @param defaultMs the limit of queries without a `query_timeout`; 0: none
 */
export function limitQueries(client: pg.Client, defaultMs: number): void {
  const send = client.query.bind(client) as unknown as Send;
  const query = (config: string | Query, values?: unknown, callback?: unknown): unknown => {
    if (typeof values === 'function') return query(config, undefined, values);
    const { query_timeout: limitMs = defaultMs, ...sent } =
      typeof config === 'string' ? { text: config } : config;
    const sendLimited = (onEnd: Callback): void => {
      const stop = limitMs > 0 ? closeOnSilence(client, limitMs) : () => undefined;
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

/** Closes the connection of a client once nothing was received for some time; returns what ends that. */
function closeOnSilence(client: pg.Client, limitMs: number): () => void {
  const { connection } = client as pg.Client & { connection: { stream: Socket } };
  let { bytesRead } = connection.stream;
  let immediate: NodeJS.Immediate | undefined;
  const check = (): void => {
    if (connection.stream.bytesRead === bytesRead) {
      connection.stream.destroy(new Error('Query read timeout'));
    } else {
      ({ bytesRead } = connection.stream);
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
