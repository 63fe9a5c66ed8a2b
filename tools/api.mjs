#!/usr/bin/env node
/** `npm run api`: writes the public types of each library that others build on. `--help` has more. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { readArguments } from './command-line.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const LIBRARIES = ['domain', 'links', 'options', 'http-client', 'plugins', 'auth', 'glance', 'mirror'];
const HELP = `Usage: node tools/api.mjs [--check]

Writes the public types of each library that others build on to its api.d.txt, so that a change of them shows where it
is reviewed.

  --check  write nothing, and fail where a file is not the same as the sources
`;
const {
  values: { check },
} = readArguments(HELP, { options: { check: { type: 'boolean' } } });

/** A declaration as it stands in its file; of a variable, all of its statement. */
function statementOf(declaration) {
  return ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
}

/** What the exports of an entry declare, and what these declarations name of the same package. */
function declarationsOf(program, entry, folder) {
  const checker = program.getTypeChecker();
  const resolved = (symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const found = new Set();
  const add = (symbol) => {
    for (const declaration of (symbol && resolved(symbol).declarations) ?? []) {
      const { fileName } = declaration.getSourceFile();
      const statement = statementOf(declaration);
      const ours = fileName.startsWith(folder) && !fileName.includes('/node_modules/');
      if (!ours || !ts.isSourceFile(statement.parent) || found.has(statement)) continue;
      found.add(statement);
      ts.forEachChild(statement, visit);
    }
  };
  const visit = (node) => {
    if (ts.isIdentifier(node)) add(checker.getSymbolAtLocation(node));
    ts.forEachChild(node, visit);
  };
  const source = program.getSourceFile(entry);
  checker.getExportsOfModule(checker.getSymbolAtLocation(source)).forEach(add);
  return [...found];
}

function publicTypes(library) {
  const folder = join(root, 'libs', library, 'dist/');
  const { name, exports } = JSON.parse(readFileSync(join(folder, '../package.json'), 'utf8'));
  const entries = Object.entries(exports).map(([entry, { types }]) => [entry, join(folder, '..', types)]);
  const program = ts.createProgram(
    entries.map(([, file]) => file),
    { module: ts.ModuleKind.NodeNext, noLib: true, types: [] },
  );
  const printer = ts.createPrinter({ removeComments: true });
  const print = (node) => printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile());
  const texts = entries.map(([entry, file]) => {
    const declarations = declarationsOf(program, file, folder).map(print).sort();
    return [`// ${join(name, entry)}`, ...declarations].join('\n\n');
  });
  return `${texts.join('\n\n')}\n`;
}

const build = LIBRARIES.map((library) => join(root, 'libs', library, 'tsconfig.build.json'));
const compiler = join(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-b', ...build], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

for (const library of LIBRARIES) {
  const file = join(root, 'libs', library, 'api.d.txt');
  const types = publicTypes(library);
  if (!check) {
    writeFileSync(file, types);
  } else if (types !== readFileSync(file, 'utf8')) {
    console.error(
      `the public types of ${library} changed: npm run api, then review libs/${library}/api.d.txt`,
    );
    process.exitCode = 1;
  }
}
