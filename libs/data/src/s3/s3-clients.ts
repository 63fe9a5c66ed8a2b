import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3StoreOptions } from './open-s3-store.js';

/** Failures are reported with the errors of the store. */
const ignore = (): void => undefined;
const SILENT = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

const CONNECT_MS = 2_000;
/** The most connections: a download holds one until it ends. */
const MAX_SOCKETS = 1_024;
/** Milliseconds after which changed credential files are read; the SDK renews credentials five minutes before they expire. */
const CREDENTIALS_MS = 10 * 60_000;

/** The clients of one service. */
export interface S3Clients {
  readonly client: S3Client;
  /** Of downloads, whose readers may pause. */
  readonly downloads: S3Client;
}

export function openClients(options: S3StoreOptions): S3Clients {
  const { timeoutMs } = options;
  const config = configOf(options);
  const client = new S3Client({ ...config, requestHandler: handlerOf(options, timeoutMs) });
  // The credentials are found once.
  const { credentials } = client.config;
  const downloads = new S3Client({ ...config, credentials, requestHandler: handlerOf(options, 0) });
  return { client, downloads };
}

function configOf({ endpoint, region, pathStyle, keyFiles }: S3StoreOptions): S3ClientConfig {
  return {
    region,
    forcePathStyle: pathStyle,
    ...(endpoint !== undefined && { endpoint }),
    ...(keyFiles && { credentials: () => readCredentials(keyFiles) }),
    // Services other than AWS refuse the checksums that the SDK sends with streams.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    logger: SILENT,
  };
}

function handlerOf(
  { ca, timeoutMs }: S3StoreOptions,
  socketTimeout: number,
): S3ClientConfig['requestHandler'] {
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  return {
    connectionTimeout: CONNECT_MS,
    socketTimeout,
    requestTimeout: timeoutMs,
    // Without it a late response is only a warning.
    throwOnRequestTimeout: true,
    httpAgent: new HttpAgent(agent),
    httpsAgent: new HttpsAgent({ ...agent, ...(ca !== undefined && { ca }) }),
  };
}

async function readCredentials(
  files: NonNullable<S3StoreOptions['keyFiles']>,
): Promise<{ accessKeyId: string; secretAccessKey: string; expiration: Date }> {
  const read = async (file: string): Promise<string> => (await readFile(file, 'utf8')).trim();
  const [accessKeyId, secretAccessKey] = await Promise.all([read(files.accessKey), read(files.secretKey)]);
  return { accessKeyId, secretAccessKey, expiration: new Date(Date.now() + CREDENTIALS_MS) };
}
