/** The minimum that stores what it receives: hashes, writes and syncs it, and sends it back. Its one argument names the folder. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

const { folder } = JSON.parse(process.argv[2]);
const CHUNK_BYTES = 262_144;

async function receive(request, path) {
  const hashes = [createHash('md5'), createHash('sha512')];
  const file = await open(path, 'w');
  let chunks = [];
  let length = 0;
  const flush = async () => {
    await file.writev(chunks);
    chunks = [];
    length = 0;
  };
  for await (const chunk of request) {
    for (const hash of hashes) hash.update(chunk);
    chunks.push(chunk);
    length += chunk.length;
    if (length >= CHUNK_BYTES) await flush();
  }
  if (length > 0) await flush();
  await file.sync();
  await file.close();
  for (const hash of hashes) hash.digest('hex');
}

const server = createServer(async (request, response) => {
  const path = join(folder, request.url.replace(/\W/g, ''));
  if (request.method === 'PUT') {
    await receive(request, path);
    response.writeHead(204).end();
  } else {
    response.writeHead(200, { 'content-length': (await stat(path)).size });
    createReadStream(path, { highWaterMark: CHUNK_BYTES }).pipe(response);
  }
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
