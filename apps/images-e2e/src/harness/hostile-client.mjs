/*
 * A hostile client, in a process of its own: `node hostile-client.mjs KIND URL TOKEN IMAGE_URL OTHER_TOKEN`. It prints
 * `attacking` once its connections are open, and runs at low priority until it is killed. The other token is one of
 * another project.
 */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

setPriority(10);
const [kind, url, token, imageUrl, otherToken] = process.argv.slice(2);
const ITEM = '/v2.1/images/70a599e0-31e7-49b7-b260-868f441e862b';

const get = (target, headers = '') => `GET ${target} HTTP/1.1\r\nhost: a\r\n${headers}\r\n`;
const TOKEN = `x-auth-token: ${token}\r\n`;
const unfinished = (headers) =>
  `POST ${ITEM}/metadata HTTP/1.1\r\nhost: a\r\n${headers}content-length: 10\r\n\r\n`;
const filters = (count) =>
  Array.from({ length: count }, (_, at) => `property-${at.toString(36)}=v`).join('&');

const READS = { reads: true };
const IMAGE_API = { reads: true, at: imageUrl };
const DOWNLOADS = { at: imageUrl };

function open({ reads = false, at = url } = {}) {
  const { hostname, port } = new URL(at);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on('error', () => undefined);
  // Unread data stays buffered in the service.
  if (reads) socket.resume();
  else socket.pause();
  return socket;
}

/** Opens so many connections, a few at a time; one that the service closes is opened anew. */
async function keepOpen(count, onOpen, options) {
  const start = () => {
    const socket = open(options);
    socket.once('connect', () => onOpen(socket));
    socket.once('close', () => setTimeout(start, 1_000));
  };
  for (let opened = 0; opened < count; opened++) {
    start();
    if (opened % 50 === 49) await sleep(10);
  }
}

/** Sends one request after the other on so many connections, each when the one before is answered. */
function loop(count, requestOf, options = READS) {
  return keepOpen(
    count,
    (socket) => {
      socket.on('data', () => socket.write(requestOf()));
      socket.write(requestOf());
    },
    options,
  );
}

const write = (text) => (socket) => socket.write(text);
const unread = (count, request, times = 1, options) => keepOpen(count, write(request.repeat(times)), options);
const every = (milliseconds, text) => (socket) => {
  const timer = setInterval(() => socket.write(text), milliseconds);
  socket.once('close', () => clearInterval(timer));
};

async function createImage(properties = {}, owner = token) {
  const response = await fetch(`${imageUrl}/v2/images`, {
    method: 'POST',
    headers: { 'x-auth-token': owner },
    body: JSON.stringify({ name: 'hostile', disk_format: 'raw', container_format: 'bare', ...properties }),
  });
  return (await response.json()).id;
}

const OBJECT_BYTES = 8 * 2 ** 20;
const put = (id, length) =>
  `PUT /v2/images/${id}/file HTTP/1.1\r\nhost: a\r\n${TOKEN}content-type: application/octet-stream\r\ncontent-length: ${length}\r\n\r\n`;

/** Orders of lists of the Image API, none of them the default one. */
const ORDERS = ['name', 'size', 'status', 'updated_at', 'min_disk'];

const ATTACKS = {
  'bodies that never come, without a token': () => keepOpen(1_500, write(unfinished('')), READS),
  'bodies that never come, with a token': () => keepOpen(1_500, write(unfinished(TOKEN)), READS),
  'chunked bodies that never end': () =>
    keepOpen(
      500,
      (socket) => {
        socket.write(`GET ${ITEM} HTTP/1.1\r\nhost: a\r\n${TOKEN}transfer-encoding: chunked\r\n\r\n`);
        every(500, '1\r\nx\r\n')(socket);
      },
      READS,
    ),
  'heads that come byte by byte': () =>
    keepOpen(
      1_000,
      (socket) => {
        socket.write('GET / HTTP/1.1\r\nx-slow: ');
        every(500, 'x')(socket);
      },
      READS,
    ),
  'large heads that never end': () =>
    keepOpen(1_500, write(`GET / HTTP/1.1\r\n${`x: ${'x'.repeat(1_000)}\r\n`.repeat(15)}`), READS),
  'more connections than there may be, kept with empty lines': () =>
    keepOpen(
      4_400,
      (socket) => {
        socket.write(get('/livez'));
        every(5_000, '\r\n')(socket);
      },
      READS,
    ),
  'clients that half-close their connection at once': () =>
    keepOpen(500, (socket) => socket.end(get(ITEM, TOKEN)), READS),
  'unread downloads of the page': () => unread(800, get('/docs/swagger-ui-bundle.js')),
  'unread descriptions': () => unread(100, get('/openapi.json'), 20),
  'unread metrics': () => unread(100, get('/metrics'), 20),
  // No more than are served one after another: the next one would close the connection.
  'unread lists': () => unread(100, get('/v2.1/images/detail', TOKEN), 16),
  'unread images from memory': () => unread(10, get(ITEM, TOKEN), 2_000),
  'pipelines of refused requests': () => unread(20, get('/v2.1/nosuch'), 100),
  'floods of probes that query the database': () => loop(50, () => get('/healthz')),
  'floods of metrics': () => loop(50, () => get('/metrics')),
  'tokens that are made up, each another one': () =>
    loop(20, () => get(ITEM, `x-auth-token: ${randomUUID()}\r\n`)),
  'lists of which each is another one': () => {
    let sent = 0;
    const target = () => `/v2/images?limit=${1 + (sent++ % 1_000)}&sort_key=${ORDERS[sent % ORDERS.length]}`;
    return loop(10, () => get(target(), TOKEN), IMAGE_API);
  },
  'lists with 1,000 filters': () => loop(10, () => get(`/v2.1/images?${filters(1_000)}`, TOKEN)),
  'more uploads than there may be, byte by byte': async () => {
    const ids = await Promise.all(Array.from({ length: 60 }, () => createImage()));
    await keepOpen(
      ids.length,
      (socket) => {
        socket.write(put(ids.pop(), OBJECT_BYTES));
        every(500, 'x')(socket);
      },
      IMAGE_API,
    );
  },
  'unread downloads of images': async () => {
    const id = await createImage();
    const headers = { 'x-auth-token': token, 'content-type': 'application/octet-stream' };
    await fetch(`${imageUrl}/v2/images/${id}/file`, {
      ...{ method: 'PUT', headers, body: new Uint8Array(OBJECT_BYTES) },
    });
    await unread(1_000, get(`/v2/images/${id}/file`, TOKEN), 1, DOWNLOADS);
  },
  'unread large pages of lists, each another one': async () => {
    const properties = Object.fromEntries(
      Array.from({ length: 120 }, (_, at) => [`key ${at}`, 'x'.repeat(255)]),
    );
    // Of these a page of 4 MiB has 130.
    for (let created = 0; created < 140; created++) await createImage(properties, otherToken);
    let pages = 0;
    const request = (socket, path) => {
      socket.write(get(`${path}?limit=${200 + (pages++ % 800)}`, `x-auth-token: ${otherToken}\r\n`));
      setTimeout(() => socket.destroy(), 1_500);
    };
    await keepOpen(200, (socket) => request(socket, '/v2.1/images/detail'));
    await keepOpen(200, (socket) => request(socket, '/v2/images'), { at: imageUrl });
  },
  'lists with 250 filters': () => loop(10, () => get(`/v2.1/images?${filters(250)}`, TOKEN)),
};

if (!kind) {
  process.stdout.write(JSON.stringify(Object.keys(ATTACKS)));
} else {
  // Connections on which nothing is read do not keep a process alive.
  setInterval(() => undefined, 60_000);
  await ATTACKS[kind]();
  process.stdout.write('attacking\n');
}
