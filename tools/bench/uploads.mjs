/** What uploads cost the process that receives them, and those that read images meanwhile. */
import { readFileSync } from 'node:fs';
import { requestOf } from './connection.mjs';
import { createImage } from './images.mjs';
import { steady } from './load.mjs';
import { shown } from './numbers.mjs';
import { transfer } from './transfer.mjs';

export const UPLOAD_MIB = 64;
const READS_PER_S = 200;
const READS_S = 10;
/** Uploads beside which images are read. */
export const BESIDE = 4;

export const newImage = (url, token) => createImage(url, token, { name: 'data', disk_format: 'raw' });

export const pathOf = (id) => `/v2/images/${id}/file`;

/** The most memory that a process ever had, in MiB. */
export function peakOf({ pid }) {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(kib) / 1024;
}

/** MiB by which the process grows while it receives so many uploads, beyond what as many empty ones need. */
export async function growth(server, token, uploads) {
  const uploadAll = async (uploadMib) => {
    const ids = await Promise.all(Array.from({ length: uploads }, () => newImage(server.url, token)));
    await Promise.all(
      ids.map((id) => transfer(server.url, { method: 'PUT', path: pathOf(id), token, uploadMib })),
    );
  };
  await uploadAll(0);
  const before = peakOf(server);
  await uploadAll(UPLOAD_MIB);
  return peakOf(server) - before;
}

/**
 * p99 of reads of an image beside uploads and without them, in milliseconds.
 *
 * @param elsewhere makes an upload past the service, to see what the same load on the machine costs
 */
export async function readsBeside(server, token, elsewhere) {
  const id = await newImage(server.url, token);
  const requests = [requestOf(`/v2/images/${id}`, token)];
  const read = async () => {
    const { p99, failed } = await steady(server.url, {
      ...{ requests, rate: READS_PER_S, seconds: READS_S, warmUp: 1, connections: 8 },
    });
    if (failed > 0) throw new Error(`${failed} reads failed`);
    return p99;
  };
  const readWhile = async (upload) => {
    let ended = false;
    const uploads = Array.from({ length: BESIDE }, async () => {
      while (!ended) await upload();
    });
    const p99 = await read();
    ended = true;
    await Promise.all(uploads);
    return p99;
  };
  const idle = await read();
  const busy = await readWhile(async () => {
    const path = pathOf(await newImage(server.url, token));
    await transfer(server.url, { method: 'PUT', path, token, uploadMib: UPLOAD_MIB });
  });
  return { idle, busy, past: elsewhere && (await readWhile(elsewhere)) };
}

/** A table of {@link readsBeside}. */
export const readsTable = ({ idle, busy, past }) => ({
  columns: [`reads of an image, ${READS_PER_S}/s`, 'p99 ms'],
  lines: [
    ['alone', shown(idle)],
    [`beside ${BESIDE} uploads`, shown(busy)],
    ...(past === undefined ? [] : [[`beside ${BESIDE} uploads that pass the service by`, shown(past)]]),
  ],
});
