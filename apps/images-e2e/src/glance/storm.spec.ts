import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Loop } from '../harness/coherence.js';
import { amount } from '../harness/long.js';
import { OwnDatabase } from '../harness/own-database.js';
import { randomNumbers } from '../harness/random-numbers.js';
import type { Service } from '../harness/service.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { Caller, untilAllSame } from './harness/caller.js';
import { describeWithGlance } from './harness/cloud.js';
import { emptyGlance, type GlanceImage } from './harness/glance-client.js';
import { signalGlance } from './harness/glance-process.js';
import { Mirror, withImageApi } from './harness/mirror.js';

const ROUNDS = amount(2, 25);
const WRITERS = 3;
/** The number of changes after which a writer begins another image. */
const CHANGES = 12;
/** Milliseconds between two requests of a client. */
const PAUSE_MS = 20;
/** A change whose response takes longer than this, in milliseconds, may be missing in lists while Glance is unavailable. */
const LISTED_WITHIN_MS = 4_000;
/** The number of responses that each client gets between two faults. */
const RESPONSES = 3;

/** What is compared of an image. */
interface State {
  readonly counter: number;
  readonly isActive: boolean;
  readonly isGone: boolean;
}

const NEW: State = { counter: 0, isActive: false, isGone: false };
const GONE: State = { ...NEW, isGone: true };

/** The state that a document of either API shows. */
function stateIn(document: unknown): State {
  const { image } = document as { image?: { status: string; metadata: Record<string, string> } };
  const { status, counter } = image
    ? { status: image.status, counter: image.metadata['counter'] }
    : (document as GlanceImage);
  return { counter: Number(counter ?? 0), isActive: status.toLowerCase() === 'active', isGone: false };
}

/** An image whose writer makes one change at a time. */
class WrittenImage {
  /** After all acknowledged changes. */
  state = NEW;
  /** After a change that was not acknowledged and that Glance may have made. */
  attempted: State | undefined;
  isDeleting = false;
  isShared = false;
  changes = 0;
  /** What a replica has to show by the id: the state after the last change that it has acknowledged. */
  readonly byId: State[];
  /** The same in lists; undefined where they may not have the image yet. */
  readonly listed: (State | undefined)[];

  constructor(
    readonly id: string,
    replicas: number,
  ) {
    this.byId = Array.from({ length: replicas }, () => NEW);
    this.listed = Array.from({ length: replicas }, () => undefined);
  }

  /** Whether it was shown as it was before. */
  isBefore(shown: State, expected: State): boolean {
    if (shown.isGone) return !expected.isGone && !this.isDeleting;
    return expected.isGone || shown.counter < expected.counter || (expected.isActive && !shown.isActive);
  }
}

interface ApiResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A change through a replica. */
interface Change {
  send(id: string, at: number, counter: number): Promise<ApiResponse>;
  /** The status that acknowledges it. */
  readonly done: number;
  /** The statuses of an outage. */
  readonly failed: readonly number[];
  /** A failure leaves open whether Glance has made it. */
  readonly isUnknown: boolean;
  after(state: State): State;
}

interface Fault {
  begin(): unknown;
  end(): unknown;
}

function suite(cloud: Cloud): void {
  let database: OwnDatabase;
  let mirror: Mirror;
  let replicas: readonly Service[] = [];
  let callers: readonly Caller[];
  let owner: Caller;

  beforeAll(async () => {
    await emptyGlance(cloud);
    database = await OwnDatabase.start();
    mirror = await Mirror.start(cloud, {
      DATABASE_URL: database.url,
      ...withImageApi(cloud),
      GLIMPSE_GLANCE_TIMEOUT: '2',
      GLIMPSE_SOURCE_INTERVAL: '1',
      GLIMPSE_SOURCE_ROUND: '1',
    });
    replicas = [mirror.service, await mirror.serve()];
    callers = await Promise.all(
      (['demo', 'alt', 'admin'] as const).map((name) => Caller.as(cloud, name, replicas)),
    );
    owner = callers[0]!;
    await recovered();
  }, 240_000);
  afterAll(async () => {
    signalGlance(cloud, 'SIGCONT');
    await Promise.all([mirror?.stop(), replicas[1]?.stop()]);
    await database?.stop();
  }, 60_000);

  const random = randomNumbers(20_261_201);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const shuffled = <T>(list: readonly T[]): T[] =>
    list
      .map((item) => ({ item, place: random(1_000) }))
      .sort((one, other) => one.place - other.place)
      .map(({ item }) => item);

  const images: WrittenImage[] = [];
  let isCalm = true;
  let acknowledged = 0;
  /** A message for each response that is wrong. */
  const wrong: string[] = [];

  /** Notes a status that is neither expected nor named for an outage. */
  function checkStatus(request: string, { status, headers }: ApiResponse, allowed: readonly number[]): void {
    if (!allowed.includes(status)) wrong.push(`${request}: ${status}`);
    if (status === 503 && !(Number(headers.get('retry-after')) > 0)) {
      wrong.push(`${request}: 503 without Retry-After`);
    }
  }

  const counted = (state: State): State => ({ ...state, counter: state.counter + 1 });
  const passedOn = { failed: [503], isUnknown: false };
  const ofCompute = { failed: [503], isUnknown: true };
  const CHANGES_OF: Record<string, Change> = {
    'PATCH by the Image API': {
      ...passedOn,
      done: 200,
      send: (id, at, counter) =>
        owner.image[at]!.patch(id, [{ op: 'add', path: '/counter', value: String(counter) }]),
      after: counted,
    },
    'POST of metadata by the Compute API': {
      ...ofCompute,
      done: 200,
      send: (id, at, counter) => owner.compute[at]!.set(id, { counter: String(counter) }),
      after: counted,
    },
    'PUT of data': {
      done: 204,
      failed: [502, 504],
      isUnknown: true,
      send: (id, at) =>
        owner.image[at]!.call('PUT', `/v2/images/${id}/file`, { body: new TextEncoder().encode('content') }),
      after: (state) => ({ ...state, isActive: true }),
    },
    'POST of a member': {
      ...passedOn,
      done: 200,
      send: (id, at) =>
        owner.image[at]!.call('POST', `/v2/images/${id}/members`, {
          body: { member: cloud.people.alt.projectId },
        }),
      after: (state) => state,
    },
    'DELETE by the Image API': {
      ...passedOn,
      done: 204,
      send: (id, at) => owner.image[at]!.call('DELETE', `/v2/images/${id}`),
      after: () => GONE,
    },
    'DELETE by the Compute API': {
      ...ofCompute,
      done: 204,
      send: (id, at) => owner.compute[at]!.call('DELETE', `/${id}`),
      after: () => GONE,
    },
  };

  function nextChange({ state, isShared, changes }: WrittenImage): string {
    const names = ['PATCH by the Image API', 'POST of metadata by the Compute API'];
    if (!state.isActive) names.push('PUT of data');
    if (!isShared) names.push('POST of a member');
    if (changes >= CHANGES) return pick(['DELETE by the Image API', 'DELETE by the Compute API']);
    return pick(names);
  }

  /** Notes that a replica has acknowledged the state of an image. */
  function acknowledge(image: WrittenImage, at: number, wasCalm: boolean, sentAt: number): void {
    acknowledged++;
    image.byId[at] = image.state;
    const isListed = wasCalm && isCalm && performance.now() - sentAt < LISTED_WITHIN_MS;
    if (isListed) image.listed[at] = image.state;
  }

  async function create(at: number): Promise<WrittenImage | undefined> {
    const [wasCalm, sentAt] = [isCalm, performance.now()];
    const response = await owner.image[at]!.call('POST', '/v2/images', {
      body: { name: 'storm', disk_format: 'raw', container_format: 'bare' },
    });
    checkStatus(`POST at ${at}`, response, [201, 503]);
    if (response.status !== 201) return undefined;
    const image = new WrittenImage((response.body as GlanceImage).id, replicas.length);
    acknowledge(image, at, wasCalm, sentAt);
    images.push(image);
    return image;
  }

  /** @returns whether the image may be changed further: Glance may make a change later whose outcome is unknown */
  async function change(image: WrittenImage, at: number): Promise<boolean> {
    const name = nextChange(image);
    const { send, done, failed, isUnknown, after } = CHANGES_OF[name]!;
    const next = after(image.state);
    const [wasCalm, sentAt] = [isCalm, performance.now()];
    image.isDeleting = next.isGone;
    const response = await send(image.id, at, next.counter);
    checkStatus(`${name} of ${image.id} at ${at}`, response, [done, ...failed]);
    image.changes++;
    if (response.status === done) {
      image.state = next;
      image.isShared ||= name === 'POST of a member';
      acknowledge(image, at, wasCalm, sentAt);
    } else if (isUnknown) {
      image.attempted = next;
    } else {
      image.isDeleting = false;
    }
    return !image.state.isGone && image.attempted === undefined;
  }

  /** A client that makes one change after another, of one image after another, through either replica. */
  function writer(): () => Promise<void> {
    let image: WrittenImage | undefined;
    return async () => {
      const at = random(replicas.length);
      image ??= await create(at);
      if (image && !(await change(image, at))) image = undefined;
      await sleep(PAUSE_MS);
    };
  }

  async function readImage(
    read: (id: string) => Promise<ApiResponse>,
    at: number,
    api: string,
  ): Promise<void> {
    const image = pick(images);
    const expected = image.byId[at]!;
    const response = await read(image.id);
    const request = `GET ${image.id} by the ${api} API at ${at}`;
    checkStatus(request, response, [200, 203, 404, 503]);
    if (response.status === 503) return;
    const shown = response.status === 404 ? GONE : stateIn(response.body);
    if (image.isBefore(shown, expected)) {
      wrong.push(`${request}: ${JSON.stringify(shown)} after ${JSON.stringify(expected)}`);
    }
  }

  async function readList(read: () => Promise<ApiResponse>, at: number, api: string): Promise<void> {
    const expected = images.map((image) => [image, image.listed[at]] as const);
    const response = await read();
    const request = `GET of a list by the ${api} API at ${at}`;
    checkStatus(request, response, [200, 203, 503]);
    if (response.status === 503) return;
    const listed = (response.body as { images: (GlanceImage & { metadata?: Record<string, string> })[] })
      .images;
    const states = new Map(
      listed.map((image) => [image.id, stateIn('metadata' in image ? { image } : image)]),
    );
    for (const [image, state] of expected) {
      const shown = states.get(image.id) ?? GONE;
      if (state !== undefined && image.isBefore(shown, state)) {
        wrong.push(`${request}: ${image.id} is ${JSON.stringify(shown)} after ${JSON.stringify(state)}`);
      }
    }
  }

  /** Clients that read through each replica: images and lists, by both APIs. */
  const readers = (): (() => Promise<void>)[] =>
    replicas.flatMap((_, at) => {
      const image = owner.image[at]!;
      const compute = owner.compute[at]!;
      return [
        () => readImage((id) => image.call('GET', `/v2/images/${id}`), at, 'Image'),
        () => readImage((id) => compute.call('GET', `/${id}`), at, 'Compute'),
        () => readList(() => image.call('GET', '/v2/images?limit=1000'), at, 'Image'),
        () => readList(() => compute.call('GET', '/detail?limit=1000'), at, 'Compute'),
      ];
    });

  /** Waits until each replica serves fresh lists. */
  async function recovered(): Promise<void> {
    for (const at of replicas.keys()) {
      await until(async () => (await owner.compute[at]!.call('GET', '')).status === 200, 60_000);
      await until(async () => (await owner.image[at]!.call('GET', '/v2/images')).status === 200, 60_000);
    }
  }

  const faults: readonly Fault[] = [
    { begin: () => mirror.followers.at(-1)!.stop('SIGKILL'), end: () => mirror.follow() },
    { begin: () => signalGlance(cloud, 'SIGSTOP'), end: () => signalGlance(cloud, 'SIGCONT') },
    { begin: () => database.signal('SIGKILL'), end: () => database.restart() },
  ];

  /** Lets the follower, Glance and PostgreSQL fail, and come back, in any order, while clients read and write. */
  async function storm(): Promise<void> {
    const responses = readers().map((read) => {
      const count = { read: 0 };
      const loop = new Loop(async () => {
        await read();
        count.read++;
        await sleep(PAUSE_MS);
      });
      return { count, loop };
    });
    const loops = [
      ...responses.map(({ loop }) => loop),
      ...Array.from({ length: WRITERS }, () => new Loop(writer())),
    ];
    const someReads = async (): Promise<void> => {
      const before = responses.map(({ count }) => count.read);
      await until(
        () => responses.every(({ count }, reader) => count.read >= before[reader]! + RESPONSES),
        60_000,
      );
    };
    const someChanges = (): Promise<void> => {
      const before = acknowledged;
      return until(() => acknowledged >= before + WRITERS * RESPONSES, 60_000);
    };
    try {
      await someChanges();
      isCalm = false;
      for (const { begin } of shuffled(faults)) {
        await begin();
        await someReads();
      }
      for (const { end } of shuffled(faults)) {
        await end();
        await someReads();
      }
      await recovered();
      isCalm = true;
      await someChanges();
    } finally {
      signalGlance(cloud, 'SIGCONT');
      await Promise.all(loops.map((loop) => loop.stop()));
    }
  }

  /** Expects that Glance has an image as its acknowledged changes made it. */
  async function expectKept({ id, state, attempted, isShared }: WrittenImage): Promise<void> {
    const { status, body } = await owner.glance.call('GET', `/v2/images/${id}`);
    const kept = status === 404 ? GONE : stateIn(body);
    const allowed = attempted ? [state, attempted] : [state];
    expect({ id, allowed }).toEqual({ id, allowed: expect.arrayContaining([kept]) });
    if (kept.isGone || !isShared) return;
    const members = await owner.glance.members(id);
    expect(members).toMatchObject([{ member_id: cloud.people.alt.projectId }]);
  }

  it(
    'shows nothing from before an acknowledged change, and loses none',
    async () => {
      await until(async () => (await create(0)) !== undefined);
      for (let round = 0; round < ROUNDS; round++) {
        await storm();
        expect(wrong).toEqual([]);
        await mirror.isCaughtUp();
        for (const image of images) await expectKept(image);
        await untilAllSame(
          callers,
          images.map(({ id }) => id),
        );
        images.splice(0, images.length - WRITERS);
      }
    },
    amount(300_000, 3_600_000),
  );
}

describeWithGlance('two replicas whose follower, Glance and PostgreSQL fail at the same time', suite);
