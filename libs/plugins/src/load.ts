import { oneLine, readOptions, type InvalidOptions } from '@glimpse/options';
import { CONTRACT_VERSION, type Plugin, type PluginKind, type PluginKinds } from './contract.js';
import { inTime } from './in-time.js';

/** A plugin as configuration names it. */
export interface PluginUse {
  /** The name of a built-in, or a module specifier. */
  readonly use: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** A plugin that cannot be loaded. The message is one line that names it and the reason. */
export class PluginError extends Error {
  readonly code = 'plugin-error';

  constructor(
    readonly plugin: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(oneLine(`plugin ${plugin}: ${reason}`), options);
    this.name = 'PluginError';
  }
}

class NoOptions {}

const START_LIMIT_MS = 10_000;

/** A function that what a plugin makes cannot lack, by its kind. */
const ESSENTIAL = {
  'image-extension': 'attributes',
  authenticator: 'authenticate',
  'image-source': 'page',
  'image-data': 'write',
} as const satisfies { [K in PluginKind]: keyof PluginKinds[K] };

/** The texts that it cannot lack. */
const TEXTS = {
  'image-extension': ['alias', 'name', 'namespace', 'updated', 'description'],
  authenticator: ['challenge'],
  'image-source': [],
  'image-data': [],
} as const satisfies { [K in PluginKind]: readonly (keyof PluginKinds[K])[] };

/** Why a plugin refused to start. By its code, for the plugin may have its own copy of this library. */
function refusal(error: unknown): string {
  const { code, problems } = (error ?? {}) as Partial<InvalidOptions>;
  return code === 'invalid-options' && Array.isArray(problems) ? problems.join('; ') : firstLine(error);
}

function firstLine(error: unknown): string {
  return (
    String(error instanceof Error ? error.message : error)
      .trim()
      .split(/[\r\n]/, 1)[0] ?? ''
  );
}

/** Whether a plugin created what its kind requires. */
function checkMade(kind: PluginKind, use: string, made: unknown): void {
  const values = made as Readonly<Record<string, unknown>> | null | undefined;
  if (typeof values?.[ESSENTIAL[kind]] !== 'function') {
    throw new PluginError(use, `what it makes has no function ${ESSENTIAL[kind]}`);
  }
  for (const key of TEXTS[kind]) {
    if (typeof values[key] !== 'string' || values[key] === '') {
      throw new PluginError(use, `what it makes has no text ${key}`);
    }
  }
  const position = kind === 'image-extension' ? (values['position'] ?? 'last') : 'last';
  if (position !== 'last' && position !== 'before-links') {
    throw new PluginError(
      use,
      `position = ${String(position)} is not allowed: it must be before-links or last`,
    );
  }
}

async function find<K extends PluginKind>(
  kind: K,
  use: string,
  builtIns: Readonly<Record<string, Plugin<K>>>,
  importModule: ImportModule,
  limitMs: number,
): Promise<Plugin<K>> {
  if (Object.hasOwn(builtIns, use)) return builtIns[use]!;
  let module: { default?: unknown };
  try {
    module = await inTime(importModule(use), limitMs, 'start');
  } catch (error) {
    throw new PluginError(
      use,
      `it is neither built in (${Object.keys(builtIns).join(', ')}) nor a module that loads: ${firstLine(error)}`,
      { cause: error },
    );
  }
  const plugin = module.default as Partial<Plugin> | undefined;
  if (typeof plugin?.create !== 'function') {
    throw new PluginError(use, 'its default export is not a plugin');
  }
  if (plugin.kind !== kind) {
    throw new PluginError(use, `it is of the kind ${String(plugin.kind)}, wanted is ${kind}`);
  }
  return plugin as Plugin<K>;
}

/** Imports a module specifier; the place of the function is where a specifier resolves from. */
export type ImportModule = (specifier: string) => Promise<{ default?: unknown }>;

/**
 * Creates a plugin from its configuration.
 *
 * @param kind what it is to be
 * @param builtIns the plugins that have a name of their own
 * @param limitMs the time limit for loading its module, and for its start
 * @throws {PluginError} it cannot be found, is of another kind or contract version, refuses its options,
 *   does not start in time, or makes something else
 */
export async function loadPlugin<K extends PluginKind>(
  kind: K,
  { use, options = {} }: PluginUse,
  builtIns: Readonly<Record<string, Plugin<K>>>,
  importModule: ImportModule,
  limitMs: number = START_LIMIT_MS,
): Promise<PluginKinds[K]> {
  const plugin = await find(kind, use, builtIns, importModule, limitMs);
  if (plugin.contract !== CONTRACT_VERSION) {
    throw new PluginError(
      use,
      `it was written for version ${String(plugin.contract)} of the contract, this is version ${CONTRACT_VERSION}`,
    );
  }
  let made: PluginKinds[K];
  try {
    const name = (path: string): string => (path === '' ? 'its options' : `option ${path}`);
    const read = readOptions(plugin.options ?? NoOptions, options, name);
    made = await inTime(plugin.create(read), limitMs, 'start');
  } catch (error) {
    throw new PluginError(use, refusal(error), { cause: error });
  }
  checkMade(kind, use, made);
  return made;
}

/**
 * Loads image extensions in the order given, which is the order of their attributes.
 *
 * @throws {PluginError} as {@link loadPlugin}, and when two have the same alias
 */
export async function loadImageExtensions(
  uses: readonly PluginUse[],
  builtIns: Readonly<Record<string, Plugin<'image-extension'>>>,
  importModule: ImportModule,
): Promise<readonly PluginKinds['image-extension'][]> {
  const loaded = new Map<string, PluginKinds['image-extension']>();
  for (const use of uses) {
    const extension = await loadPlugin('image-extension', use, builtIns, importModule);
    if (loaded.has(extension.alias)) {
      throw new PluginError(use.use, `the alias ${extension.alias} belongs to another extension`);
    }
    loaded.set(extension.alias, extension);
  }
  return [...loaded.values()];
}
