#!/usr/bin/env node
/**
 * Runs the Prisma CLI without its schema engine download, which closed networks refuse: `generate`,
 * `validate` and `format` never start the engine, they only check whether one could be started.
 *
 *     node tools/prisma.mjs generate
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const manifest = createRequire(import.meta.url).resolve('prisma/package.json');
const { status } = spawnSync(
  process.execPath,
  [join(dirname(manifest), 'build/index.js'), ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
      ...process.env,
    },
  },
);
process.exit(status ?? 1);
