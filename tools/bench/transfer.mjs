/** Transfers of image data by a client that costs as little as possible. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

export const MIB = 2 ** 20;
const PIECE = randomBytes(MIB);

/** Sends a request and reads its response to the end, without making garbage of it. */
export function transfer(url, { method, path, token, uploadMib = 0 }) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let [head, missing] = ['', Infinity];
    const received = (count, buffer) => {
      if (missing === Infinity) {
        const text = buffer.toString('latin1', 0, count);
        const end = text.indexOf('\r\n\r\n');
        head = end < 0 ? text : text.slice(0, end);
        missing = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - (count - end - 4);
      } else {
        missing -= count;
      }
      if (missing > 0) return true;
      socket.destroy();
      if (/^HTTP\/1.1 2/.test(head)) resolve();
      else reject(new Error(`${method} ${path}: ${head}`));
      return false;
    };
    const socket = connect({
      ...{ host: hostname, port: Number(port) },
      onread: { buffer: Buffer.alloc(262_144), callback: received },
    });
    socket.on('error', reject);
    const headers = [`${method} ${path} HTTP/1.1`, 'host: store', `x-auth-token: ${token}`];
    if (method === 'PUT')
      headers.push('content-type: application/octet-stream', `content-length: ${uploadMib * MIB}`);
    socket.write(`${headers.join('\r\n')}\r\n\r\n`);
    let sent = 0;
    const pump = () => {
      while (sent++ < uploadMib) if (!socket.write(PIECE)) return void socket.once('drain', pump);
    };
    pump();
  });
}

/** The rate of a function that transfers so many MiB. */
export async function mibPerSecond(mib, run) {
  const began = performance.now();
  await run();
  return (mib / (performance.now() - began)) * 1000;
}
