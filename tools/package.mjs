#!/usr/bin/env node
/**
 * `npm run package`: composes the contents of a container. `--help` has more.
 *
 * What is bundled is tsc's output, because that holds the types that decorators want at run time. It stays
 * as readable as it was: minified it would start no faster, and its stack traces would say nothing.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { readFolder } from './command-line.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const HELP = `Usage: node tools/package.mjs [FOLDER]

Composes the contents of a container in the folder (dist/package): the glimpse command in a few files, the migrations,
and what cannot be bundled. Nothing in it leads back here.
`;
const target = resolve(readFolder(HELP) ?? join(root, 'dist/package'));

/** Read at run time, each when it is first needed: Prisma's WebAssembly, and what browsers get. */
const KEPT = {
  '@prisma/client': ['runtime/query_compiler_small_bg.postgresql.wasm-base64.mjs'],
  'swagger-ui-dist': ['swagger-ui.css', 'swagger-ui-bundle.js'],
};

const { packages: locked } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));

const PACKAGE = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/;

/** The first copy of each version of a package; several packages bring one of their own along. */
const copies = {};
for (const [folder, { version, dev }] of Object.entries(locked)) {
  const [, name] = PACKAGE.exec(folder) ?? [];
  if (name && version && !dev) copies[`${name} ${version}`] ??= folder;
}

/** The same file in the first copy of its package; undefined: of a development dependency, which the SBOM leaves out. */
function inFirstCopy(file) {
  const [folder, name] = PACKAGE.exec(relative(root, file)) ?? [];
  if (!folder) return file;
  const copy = copies[`${name} ${locked[folder].version}`];
  return copy && join(root, copy, relative(join(root, folder), file));
}

/**
 * Packages import optional packages; those that users do not have remain external. So does what only Nest's
 * ValidationPipe would load, which is not used here: the whole of class-validator, with every country's phone numbers.
 */
const onlyWhatIsUsed = {
  name: 'only-what-is-used',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === 'resolving' || kind === 'entry-point') return undefined;
      if (kind === 'dynamic-import' && importer.endsWith('/validation.pipe.js'))
        return { path, external: true };
      const found = await resolve(path, { importer, resolveDir, kind, pluginData: 'resolving' });
      if (found.external) return found;
      const copy = found.errors.length === 0 ? inFirstCopy(found.path) : undefined;
      if (copy) return { ...found, path: copy };
      return importer.includes('/node_modules/') ? { path, external: true } : undefined;
    });
  },
};

/** Bundles the command. @returns the files that went in, as paths from the root */
async function bundle() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['apps/images/dist/main.js'],
    outdir: join(target, 'dist'),
    bundle: true,
    // What is imported when it is needed is in files of its own, so that each command reads only what it runs.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    // Of a package in both forms the ES modules, of which only what is used goes in.
    mainFields: ['module', 'main'],
    external: ['@prisma/client/runtime/*.wasm-base64.mjs'],
    plugins: [onlyWhatIsUsed],
    // Bundled CommonJS requires Node's own modules.
    banner: {
      js: "import { createRequire as createRequireHere } from 'node:module';\nconst require = createRequireHere(import.meta.url);",
    },
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** The licences of the packages that files belong to: they are distributed along with the bundle. */
function licencesOf(files) {
  const folders = new Set(files.map((file) => PACKAGE.exec(file)?.[0]));
  folders.delete(undefined);
  return [...folders].sort().map((folder) => {
    const { name, version, license } = readManifest(join(root, folder));
    const texts = readdirSync(join(root, folder), { withFileTypes: true }).filter(
      (entry) => entry.isFile() && /^(?:licen[cs]e|notice)/i.test(entry.name),
    );
    const bodies = texts.map((file) => readFileSync(join(root, folder, file.name), 'utf8').trim());
    return [`${name} ${version} (${license})`, ...bodies].join('\n\n');
  });
}

rmSync(target, { recursive: true, force: true });
const files = await bundle();
for (const [name, kept] of Object.entries(KEPT)) {
  const from = join(root, 'node_modules', name);
  for (const file of ['package.json', 'LICENSE', 'NOTICE', ...kept]) {
    if (!kept.includes(file) && !existsSync(join(from, file))) continue;
    const to = join(target, 'node_modules', name, file);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(from, file), to);
  }
}
cpSync(join(root, 'apps/images/bin'), join(target, 'bin'), { recursive: true });
cpSync(join(root, 'prisma'), join(target, 'prisma'), { recursive: true });
cpSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
writeFileSync(join(target, 'LICENSES-OF-OTHERS'), `${licencesOf(files).join(`\n\n${'-'.repeat(80)}\n\n`)}\n`);
const { version, description, license, type, bin } = readManifest(join(root, 'apps/images'));
const { engines } = readManifest(root);
const manifest = { name: 'glimpse', version, private: true, description, license, type, engines, bin };
writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
