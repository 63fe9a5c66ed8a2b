import { describe, expect, it } from '@jest/globals';
import { definePlugin, type ImageExtension } from './contract.js';
import { PluginError, loadImageExtensions, loadPlugin, type PluginUse } from './load.js';
import { InvalidOptions, OneOf, WholeNumber } from '@glimpse/options';

function extension(alias: string): ImageExtension {
  return {
    alias,
    name: alias,
    namespace: 'https://example.com/plugins',
    updated: '2026-01-01T00:00:00Z',
    description: `Adds ${alias}.`,
    attributes: (image) => ({ [alias]: image.id }),
  };
}

class SizeOptions {
  @OneOf(['integer', 'string'])
  as = 'integer';

  @WholeNumber(0, 9)
  digits = 0;
}

const made: SizeOptions[] = [];
const size = definePlugin({
  kind: 'image-extension',
  contract: 1,
  options: SizeOptions,
  create: (options) => {
    made.push(options);
    return extension('SIZE');
  },
});
const owner = definePlugin({ kind: 'image-extension', contract: 1, create: () => extension('OWNER') });
const authenticator = definePlugin({
  kind: 'authenticator',
  contract: 1,
  create: () => ({
    challenge: 'Keystone uri="http://127.0.0.1:5000"',
    authenticate: () => Promise.resolve({ outcome: 'invalid' }),
  }),
});
const BUILT_INS = { SIZE: size, OWNER: owner };

/** Imports from a table in the place of a disk. */
function from(modules: Record<string, unknown>): (specifier: string) => Promise<{ default?: unknown }> {
  return (specifier) =>
    specifier in modules
      ? Promise.resolve({ default: modules[specifier] })
      : Promise.reject(
          new Error(`Cannot find package '${specifier}' imported from /srv/glimpse/main.js\n  at somewhere`),
        );
}

function load(use: PluginUse, modules: Record<string, unknown> = {}): Promise<ImageExtension> {
  return loadPlugin('image-extension', use, BUILT_INS, from(modules));
}

async function refusal(loading: Promise<unknown>): Promise<PluginError> {
  const error: unknown = await loading.then(
    () => new Error('it was loaded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof PluginError)) throw error;
  expect(error.message.split(/[\n\r\u2028\u2029]/)).toHaveLength(1);
  expect(error.code).toBe('plugin-error');
  return error;
}

describe('loadPlugin', () => {
  it('makes a built-in by its name, without importing anything', async () => {
    expect((await load({ use: 'OWNER' })).alias).toBe('OWNER');
  });

  it('makes the default export of a module', async () => {
    const other = definePlugin({
      kind: 'image-extension',
      contract: 1,
      create: () => Promise.resolve(extension('OTHER')),
    });
    expect((await load({ use: '@example/other' }, { '@example/other': other })).alias).toBe('OTHER');
  });

  it('prefers a built-in to a module of the same name', async () => {
    const other = definePlugin({ kind: 'image-extension', contract: 1, create: () => extension('OTHER') });
    expect((await load({ use: 'OWNER' }, { OWNER: other })).alias).toBe('OWNER');
  });

  it('hands over the options that were given, and the defaults of the others', async () => {
    made.length = 0;
    await load({ use: 'SIZE' });
    await load({ use: 'SIZE', options: { as: 'string', digits: '3' } });
    expect(made).toEqual([
      { as: 'integer', digits: 0 },
      { as: 'string', digits: 3 },
    ]);
    expect(made.every((options) => options instanceof SizeOptions)).toBe(true);
  });

  it('names the built-ins and the reason when there is no such module', async () => {
    const error = await refusal(load({ use: '@example/none' }));
    expect(error.message).toBe(
      'plugin @example/none: it is neither built in (SIZE, OWNER) nor a module that loads: ' +
        "Cannot find package '@example/none' imported from /srv/glimpse/main.js",
    );
    expect(error.plugin).toBe('@example/none');
    expect(error.cause).toBeInstanceOf(Error);
  });

  it.each(['__proto__', 'constructor', 'toString'])('does not read %s as a built-in', async (use) => {
    const modules = Object.create(null) as Record<string, unknown>;
    expect((await refusal(load({ use }, modules))).message).toMatch(/ it is neither built in /);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'plugin'],
    ['a function', () => extension('OTHER')],
    ['an object without create', { kind: 'image-extension', contract: 1 }],
    ['one whose create is no function', { kind: 'image-extension', contract: 1, create: {} }],
  ])('refuses a module whose default export is %s', async (_, exported) => {
    const error = await refusal(load({ use: './it.js' }, { './it.js': exported }));
    expect(error.message).toBe('plugin ./it.js: its default export is not a plugin');
  });

  it('refuses a plugin of another kind', async () => {
    const error = await refusal(load({ use: './it.js' }, { './it.js': authenticator }));
    expect(error.message).toBe('plugin ./it.js: it is of the kind authenticator, wanted is image-extension');
    await expect(
      loadPlugin('authenticator', { use: './it.js' }, {}, from({ './it.js': authenticator })),
    ).resolves.toMatchObject({ challenge: 'Keystone uri="http://127.0.0.1:5000"' });
  });

  it.each([0, 2, '1', undefined])(
    'refuses a plugin written for version %j of the contract',
    async (contract) => {
      const error = await refusal(load({ use: './it.js' }, { './it.js': { ...owner, contract } }));
      expect(error.message).toBe(
        `plugin ./it.js: it was written for version ${contract} of the contract, this is version 1`,
      );
    },
  );

  it('refuses wrong options, naming each with its value and what is allowed', async () => {
    const options = { as: 'text', digits: 10, length: 1 };
    const error = await refusal(load({ use: 'SIZE', options }));
    expect(error.message).toMatch(/^plugin SIZE: /);
    expect(error.message.slice('plugin SIZE: '.length).split('; ').sort()).toEqual([
      'option as = "text" is not allowed: it must be one of integer, string',
      'option digits = 10 is not allowed: it must be a whole number from 0 to 9',
      'option length is not a known key: known are as, digits',
    ]);
    expect(error.cause).toBeInstanceOf(InvalidOptions);
  });

  it('refuses options that are no mapping', async () => {
    const use = { use: 'SIZE', options: ['as'] } as unknown as PluginUse;
    expect((await refusal(load(use))).message).toBe(
      'plugin SIZE: its options = ["as"] is not allowed: it must be a mapping',
    );
  });

  it('refuses options for a plugin that has none', async () => {
    expect((await refusal(load({ use: 'OWNER', options: { as: 'text' } }))).message).toBe(
      'plugin OWNER: option as is not a known key: known are none',
    );
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no route to host\n    at connect');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no route to host\r\n    at connect'))],
    [
      'throws a text',
      () => {
        throw 'no route to host';
      },
    ],
  ])('gives the first line of the reason when create %s', async (_, create) => {
    const error = await refusal(load({ use: './it.js' }, { './it.js': { ...owner, create } }));
    expect(error.message).toBe('plugin ./it.js: no route to host');
    expect(error.cause).toBeDefined();
  });

  it.each([[undefined], [null], [{}], [{ alias: 'OTHER', attributes: {} }]])(
    'refuses a plugin that makes %j',
    async (nothing) => {
      const modules = { './it.js': { ...owner, create: () => nothing } };
      expect((await refusal(load({ use: './it.js' }, modules))).message).toBe(
        'plugin ./it.js: what it makes has no function attributes',
      );
    },
  );

  it('gives what is wrong with its options when create reads them with a copy of the library of its own', async () => {
    const create = (): never => {
      throw Object.assign(new Error('a\nb'), { code: 'invalid-options', problems: ['a', 'b'] });
    };
    const error = await refusal(load({ use: './it.js' }, { './it.js': { ...owner, create } }));
    expect(error.message).toBe('plugin ./it.js: a; b');
  });

  it.each([
    ['its module never loads', () => new Promise<never>(() => undefined)],
    [
      'it never starts',
      () => Promise.resolve({ default: { ...owner, create: () => new Promise(() => undefined) } }),
    ],
  ])('does not wait for ever when %s', async (_, importModule) => {
    const error = await refusal(loadPlugin('image-extension', { use: './it.js' }, {}, importModule, 50));
    expect(error.message).toMatch(/^plugin \.\/it\.js: .*it did not start within 50 ms$/);
  });

  it.each([
    [{ alias: 5 }, 'what it makes has no text alias'],
    [{ alias: '' }, 'what it makes has no text alias'],
    [{ namespace: undefined }, 'what it makes has no text namespace'],
    [{ position: 'first' }, 'position = first is not allowed: it must be before-links or last'],
  ])('refuses an extension with %j', async (wrong, reason) => {
    const modules = { './it.js': { ...owner, create: () => ({ ...extension('OTHER'), ...wrong }) } };
    expect((await refusal(load({ use: './it.js' }, modules))).message).toBe(`plugin ./it.js: ${reason}`);
  });

  it('refuses an authenticator without a challenge', async () => {
    const create = (): object => ({ authenticate: () => Promise.resolve({ outcome: 'invalid' }) });
    const modules = from({ './it.js': { ...authenticator, create } });
    const error = await refusal(loadPlugin('authenticator', { use: './it.js' }, {}, modules));
    expect(error.message).toBe('plugin ./it.js: what it makes has no text challenge');
  });

  it('reports it in one line, whatever configuration and modules contain', async () => {
    await refusal(load({ use: 'a\nb' }));
    await refusal(load({ use: 'SIZE', options: { 'a\nb': 1, as: 'c\nd' } }));
    await refusal(load({ use: './it.js' }, { './it.js': { ...owner, kind: 'a\nb' } }));
    await refusal(load({ use: './it.js' }, { './it.js': { ...owner, contract: 'a\nb' } }));
  });
});

describe('loadImageExtensions', () => {
  it('keeps the order of configuration', async () => {
    const loaded = async (...names: string[]): Promise<string[]> => {
      const uses = names.map((use) => ({ use }));
      return (await loadImageExtensions(uses, BUILT_INS, from({}))).map(({ alias }) => alias);
    };
    expect(await loaded('SIZE', 'OWNER')).toEqual(['SIZE', 'OWNER']);
    expect(await loaded('OWNER', 'SIZE')).toEqual(['OWNER', 'SIZE']);
    expect(await loaded()).toEqual([]);
  });

  it('refuses the same extension twice', async () => {
    const error = await refusal(loadImageExtensions([{ use: 'SIZE' }, { use: 'SIZE' }], BUILT_INS, from({})));
    expect(error.message).toBe('plugin SIZE: the alias SIZE belongs to another extension');
  });

  it('refuses another extension with the same alias', async () => {
    const modules = { './it.js': definePlugin({ ...owner, create: () => extension('SIZE') }) };
    const loading = loadImageExtensions([{ use: 'SIZE' }, { use: './it.js' }], BUILT_INS, from(modules));
    expect((await refusal(loading)).message).toBe(
      'plugin ./it.js: the alias SIZE belongs to another extension',
    );
  });

  it('loads nothing when one of them is refused', async () => {
    const loading = loadImageExtensions([{ use: 'SIZE' }, { use: './none.js' }], BUILT_INS, from({}));
    expect((await refusal(loading)).plugin).toBe('./none.js');
  });
});
