import { CONTRACT_VERSION, type Plugin, type PluginKind, type PluginKinds } from './contract.js';
import { oneLine } from './one-line.js';
import { InvalidOptions, readOptions } from './options.js';

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

/** What cannot be missing from what a plugin of each kind makes. */
const ESSENTIAL = {
  'image-extension': 'attributes',
  authenticator: 'authenticate',
} as const satisfies { [K in PluginKind]: keyof PluginKinds[K] };

function firstLine(error: unknown): string {
  return (
    String(error instanceof Error ? error.message : error)
      .trim()
      .split(/[\r\n]/, 1)[0] ?? ''
  );
}

async function find<K extends PluginKind>(
  kind: K,
  use: string,
  builtIns: Readonly<Record<string, Plugin<K>>>,
  importModule: (specifier: string) => Promise<{ default?: unknown }>,
): Promise<Plugin<K>> {
  if (Object.hasOwn(builtIns, use)) return builtIns[use]!;
  let module: { default?: unknown };
  try {
    module = await importModule(use);
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

/**
 * Makes a plugin from what configuration says of it.
 *
 * @param kind what it is to be
 * @param builtIns the plugins that have a name of their own
 * @param importModule imports a module specifier; the place of its caller is where a specifier resolves from
 * @throws {PluginError} it cannot be found, is of another kind or contract version, refuses its options,
 *   does not start, or makes something else
 */
export async function loadPlugin<K extends PluginKind>(
  kind: K,
  { use, options = {} }: PluginUse,
  builtIns: Readonly<Record<string, Plugin<K>>>,
  importModule: (specifier: string) => Promise<{ default?: unknown }>,
): Promise<PluginKinds[K]> {
  const plugin = await find(kind, use, builtIns, importModule);
  if (plugin.contract !== CONTRACT_VERSION) {
    throw new PluginError(
      use,
      `it was written for version ${String(plugin.contract)} of the contract, this is version ${CONTRACT_VERSION}`,
    );
  }
  let made: PluginKinds[K];
  try {
    const name = (path: string): string => (path === '' ? 'its options' : `option ${path}`);
    made = await plugin.create(readOptions(plugin.options ?? NoOptions, options, name));
  } catch (error) {
    const reason = error instanceof InvalidOptions ? error.problems.join('; ') : firstLine(error);
    throw new PluginError(use, reason, { cause: error });
  }
  const essential: string = ESSENTIAL[kind];
  if (typeof (made as unknown as Record<string, unknown> | undefined)?.[essential] !== 'function') {
    throw new PluginError(use, `what it makes has no function ${essential}`);
  }
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
  importModule: (specifier: string) => Promise<{ default?: unknown }>,
): Promise<readonly PluginKinds['image-extension'][]> {
  const loaded = new Map<string, PluginKinds['image-extension']>();
  for (const use of uses) {
    const extension = await loadPlugin('image-extension', use, builtIns, importModule);
    if (loaded.has(extension.alias)) {
      throw new PluginError(use.use, `the alias ${extension.alias} is taken by another extension`);
    }
    loaded.set(extension.alias, extension);
  }
  return [...loaded.values()];
}
