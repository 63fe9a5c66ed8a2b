import { ImageNotFound, NotOwner, type Image, type SourceImage } from '@glimpse/domain';
import { membersOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import {
  definePlugin,
  type Authentication,
  type ImageExtension,
  type ImageSource,
  type Json,
  type Plugin,
} from '../contract.js';
import { OneOf } from '@glimpse/options';
import {
  ConformanceError,
  checkAuthenticator,
  checkImageExtension,
  checkImageSource,
  sampleImage,
} from './index.js';

class Options {
  @OneOf(['id', 'flag'])
  as = 'id';
}

/** An image extension with something of it changed. */
function extension(changes: Partial<Record<keyof ImageExtension, unknown>> = {}): Plugin<'image-extension'> {
  return definePlugin({
    kind: 'image-extension',
    contract: 1,
    options: Options,
    create: ({ as }) =>
      ({
        alias: 'X-OWNER',
        name: 'Owner',
        namespace: 'https://example.com/owner',
        updated: '2026-01-01T00:00:00Z',
        description: 'Adds the owning project.',
        attributes: ({ owner }: Image): Record<string, Json> => ({
          'X-OWNER:owner': as === 'id' ? owner : owner !== null,
        }),
        ...changes,
      }) as ImageExtension,
  });
}

const IDENTITY = {
  userId: 'u',
  userName: 'ann',
  scope: { kind: 'none' },
  roles: [],
  accessRules: null,
  expiresAt: null,
  service: false,
} as const;
const KNOWN: Authentication = { outcome: 'identity', identity: IDENTITY };
const INVALID: Authentication = { outcome: 'invalid' };

function authenticator(
  authenticate: (token: string) => unknown,
  challenge = 'Example realm="tests"',
): Plugin<'authenticator'> {
  return definePlugin({
    kind: 'authenticator',
    contract: 1,
    create: () => ({
      challenge,
      authenticate: async (token) => (await authenticate(token)) as Authentication,
    }),
  });
}

async function problemsOf(check: Promise<void>): Promise<string> {
  const error: unknown = await check.then(
    () => new Error('it conforms'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConformanceError)) throw error;
  expect(error.code).toBe('not-conforming');
  for (const problem of error.problems) expect(error.message).toContain(`\n- ${problem}`);
  return error.problems.join('\n');
}

describe('checkImageExtension', () => {
  it.each([{}, { as: 'flag' }])(
    'passes an extension that does what its contract says, with %j',
    async (options) => {
      await expect(checkImageExtension(extension(), options)).resolves.toBeUndefined();
    },
  );

  let times = 0;
  it.each<[string, Plugin<'image-extension'>, RegExp]>([
    [
      'for another contract',
      { ...extension(), contract: 2 },
      /^it does not load: it was written for version 2/,
    ],
    [
      'that is no plugin',
      {} as Plugin<'image-extension'>,
      /^it does not load: its default export is not a plugin/,
    ],
    ['with an alias that no path can hold', extension({ alias: 'a/b' }), /alias a\/b must be/],
    ['without a namespace that is a URL', extension({ namespace: 'owner' }), /namespace owner must be a URL/],
    ['with another form of time', extension({ updated: '2026-01-01' }), /updated 2026-01-01 must be/],
    [
      'with a name without its own prefix',
      extension({ attributes: () => ({ owner: 'x' }) }),
      /owner must begin with X-OWNER:/,
    ],
    [
      'that is not ready for an image without an owner',
      extension({ attributes: ({ owner }: Image) => ({ 'X-OWNER:o': owner!.length }) }),
      /of null bytes: TypeError/,
    ],
    [
      'that changes the image',
      extension({ attributes: (image: { owner: string }) => ({ 'X-OWNER:o': (image.owner = 'x') }) }),
      /TypeError: Cannot assign/,
    ],
    [
      'that changes the properties',
      extension({
        attributes: ({ properties }: { properties: Record<string, string> }) => ({
          'X-OWNER:o': (properties['a'] = 'x'),
        }),
      }),
      /TypeError: Cannot add/,
    ],
    ['that answers a promise', extension({ attributes: async () => ({}) }), /answered a promise/],
    [
      'that answers what JSON cannot say',
      extension({ attributes: ({ version }: Image) => ({ 'X-OWNER:o': version }) }),
      /X-OWNER:o = 1 is not allowed/,
    ],
    [
      'that never says the same',
      extension({ attributes: () => ({ 'X-OWNER:o': times++ }) }),
      /differ from one time to the next/,
    ],
  ])('refuses one %s', async (_, plugin, problem) => {
    expect(await problemsOf(checkImageExtension(plugin))).toMatch(problem);
  });

  it('refuses options that it does not have', async () => {
    expect(await problemsOf(checkImageExtension(extension(), { as: 'text' }))).toMatch(/option as = "text"/);
  });

  it('reports everything that is wrong at once', async () => {
    const plugin = extension({ alias: 'a b', updated: 'now' });
    expect(await problemsOf(checkImageExtension(plugin))).toMatch(/alias.*\n.*updated.*\n.*must begin with/s);
  });
});

describe('checkAuthenticator', () => {
  const trial = { token: 'known' };

  it('passes an authenticator that conforms to its contract', async () => {
    const plugin = authenticator((token) => (token === 'known' ? KNOWN : INVALID));
    await expect(checkAuthenticator(plugin, trial)).resolves.toBeUndefined();
  });

  let times = 0;
  it.each<[string, Plugin<'authenticator'>, RegExp]>([
    [
      'that does not know the token',
      authenticator(() => INVALID),
      /the known token: it is invalid, wanted is identity/,
    ],
    [
      'that knows every token',
      authenticator(() => KNOWN),
      /a made-up token: it is identity, wanted is invalid/,
    ],
    [
      'that compares only the beginning',
      authenticator((token) => (token.startsWith('known') ? KNOWN : INVALID)),
      /one character more: it is identity/,
    ],
    [
      'that trips over __proto__',
      authenticator((token) => (({ known: KNOWN }) as Record<string, unknown>)[token] ?? INVALID),
      /a key that every object has: TypeError/,
    ],
    [
      'that throws for what a client sent',
      authenticator((token) => {
        if (token === 'known') return KNOWN;
        throw new Error('unknown');
      }),
      /a made-up token: Error: unknown/,
    ],
    [
      'that blames itself for what a client sent',
      authenticator((token) => (token === 'known' ? KNOWN : { outcome: 'unavailable', retryAfter: 1 })),
      /it is unavailable, wanted is invalid/,
    ],
    [
      'that never answers',
      authenticator((token) =>
        token === '' ? new Promise(() => undefined) : token === 'known' ? KNOWN : INVALID,
      ),
      /an empty token: Error: it did not answer/,
    ],
    [
      'with half an identity',
      authenticator(() => ({ outcome: 'identity', identity: { userId: 'u' } })),
      /the known token: TypeError: its identity has a wrong/,
    ],
    [
      'with an expired one',
      authenticator(() => ({ outcome: 'identity', identity: { ...IDENTITY, expiresAt: new Date(0) } })),
      /it is expired, and must be invalid/,
    ],
    [
      'that changes its mind',
      authenticator((token) =>
        token === 'known'
          ? { outcome: 'identity', identity: { ...IDENTITY, userId: `u${times++}` } }
          : INVALID,
      ),
      /the answer is another one/,
    ],
    [
      'whose challenge is no header',
      authenticator((token) => (token === 'known' ? KNOWN : INVALID), 'a\nb'),
      /challenge must be visible ASCII/,
    ],
  ])('refuses one %s', async (_, plugin, problem) => {
    expect(await problemsOf(checkAuthenticator(plugin, trial))).toMatch(problem);
  });
});

const OWN = '00000000-0000-4000-8000-00000000000a';

/** Five images in memory, a page of two at a time; with something of it changed. */
function source(change: (whole: ImageSource) => Partial<ImageSource> = () => ({})): Plugin<'image-source'> {
  const images = ['a', 'b', 'c', 'd', 'e'].map((last, at): SourceImage => {
    const time = new Date(`2026-01-01T00:00:0${at >> 1}Z`);
    const { version: _, members: __, ...image } = sampleImage({ createdAt: time, hidden: last === 'e' });
    return { ...image, id: OWN.replace(/a$/, last), updatedAt: time, deleted: false };
  });
  const find = (id: string): SourceImage | undefined => images.find((image) => image.id === id);
  const mine = (id: string, token: string, action: 'change' | 'delete'): number => {
    if (!find(id)) throw new ImageNotFound(id);
    if (token !== 'mine') throw new NotOwner(id, action);
    return images.findIndex((image) => image.id === id);
  };
  const whole: ImageSource = {
    url: 'http://images.example.com',
    missingReadAccess: async () => undefined,
    async page({ hidden, changedSince = new Date(0), after }) {
      const place = ({ createdAt, id }: { createdAt: Date; id: string }) => `${createdAt.toJSON()} ${id}`;
      const found = images.filter(
        (image) =>
          image.hidden === hidden &&
          image.updatedAt >= changedSince &&
          (!after || place(image) > place(after)),
      );
      return { images: found.slice(0, 2), bad: [], next: found.length > 2 ? found[1] : undefined };
    },
    newestChange: async () => images.map(({ updatedAt }) => updatedAt).sort((one, other) => +other - +one)[0],
    image: async (id) => find(id),
    members: async (imageId) =>
      find(imageId) ? { imageId, members: membersOf({ p: 'pending' }) } : undefined,
    async changeProperties(id, wanted, _before, token) {
      const at = mine(id, token, 'change');
      const properties: Record<string, string | null> =
        wanted.kind === 'replace' ? {} : { ...images[at]!.properties };
      if (wanted.kind === 'remove') delete properties[wanted.key];
      else Object.assign(properties, wanted.properties);
      images[at] = { ...images[at]!, properties };
    },
    async deleteImage(id, token) {
      images.splice(mine(id, token, 'delete'), 1);
    },
  };
  return definePlugin({ kind: 'image-source', contract: 1, create: () => ({ ...whole, ...change(whole) }) });
}

describe('checkImageSource', () => {
  const trial = { image: OWN, token: 'mine' };

  it('passes a source that conforms to its contract', async () => {
    await expect(checkImageSource(source(), trial)).resolves.toBeUndefined();
  });

  it.each<[string, (whole: ImageSource) => Partial<ImageSource>, RegExp]>([
    ['that is blind', () => ({ missingReadAccess: async () => 'no role' }), /missingReadAccess: .* no role/],
    [
      'that takes no changes',
      () => ({ missingWriteAccess: async () => 'no access' }),
      /missingWriteAccess: .* no access/,
    ],
    ['that is nowhere', () => ({ url: undefined }), /url undefined must be a URL/],
    [
      'that forgets where it was',
      ({ page }) => ({ page: (query) => page({ ...query, after: undefined as never }) }),
      /is there twice/,
    ],
    [
      'in another order',
      ({ page }) => ({
        page: async (query) => {
          const { images, ...rest } = await page(query);
          return {
            ...rest,
            images: images.toReversed().map((image, at) => ({ ...image, createdAt: new Date(-at) })),
          };
        },
      }),
      /must be in the order of creation/,
    ],
    [
      'that stops where an image is gone',
      ({ page }) => ({
        page: async (query) =>
          query.after?.id.startsWith('00000000-0000-4000-8000-000000000000')
            ? { images: [], bad: [], next: undefined }
            : page(query),
      }),
      /behind an image that is gone: image .*c is missing/,
    ],
    [
      'that mixes what is hidden with what is not',
      ({ page }) => ({ page: ({ hidden, ...query }) => page({ hidden: !hidden, ...query }) }),
      /hidden must be false/,
    ],
    [
      'that does not know when something changed',
      () => ({ newestChange: async () => new Date('2025-01-01T00:00:00Z') }),
      /newestChange: it is 2025/,
    ],
    [
      'that misses what changed last',
      ({ page }) => ({
        page: (query) =>
          page(query.changedSince ? { ...query, changedSince: new Date(+query.changedSince + 1) } : query),
      }),
      /what changed last: .*e is missing/,
    ],
    [
      'that has an image twice, differently',
      ({ image }) => ({
        image: async (id) => {
          const found = await image(id);
          return found && { ...found, name: 'another' };
        },
      }),
      /it is another one than in the pages/,
    ],
    [
      'that makes images up',
      () => ({ members: async (imageId) => ({ imageId, members: new Map() }) }),
      /members of no image/,
    ],
    [
      'that loses what it is to leave',
      ({ changeProperties }) => ({
        changeProperties: (id, change, ...rest) =>
          changeProperties(id, change.kind === 'merge' ? { ...change, kind: 'replace' } : change, ...rest),
      }),
      /a change \(merge\): the properties are/,
    ],
    [
      'that makes changes with any token',
      ({ changeProperties }) => ({
        changeProperties: (id, change, before) => changeProperties(id, change, before, 'mine'),
      }),
      /a change with a made-up token: it is done.*\na made-up token: it has changed the image/s,
    ],
    [
      'that returns no NotOwner',
      () => ({ deleteImage: async (id) => Promise.reject(new NotOwner(id, 'delete')) }),
      /a deletion of no image: it is not-owner, wanted is image-not-found/,
    ],
    [
      'that keeps what is deleted',
      () => ({ deleteImage: async () => undefined }),
      /a deleted image: it must be undefined/,
    ],
    ['that fails', () => ({ image: () => Promise.reject(new TypeError('oh')) }), /image .*: TypeError: oh/],
  ])('refuses one %s', async (_, change, problem) => {
    expect(await problemsOf(checkImageSource(source(change), trial))).toMatch(problem);
  });
});
