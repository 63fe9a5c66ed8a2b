#!/usr/bin/env node
/** `npm run build`: builds everything, and notes when it began, from which `npm start` knows what is stale. */
import { spawnSync } from 'node:child_process';
import { utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const STAMP = fileURLToPath(new URL('../apps/images/dist/.built', import.meta.url));

const started = new Date();
const command = ['--no-install', 'nx', 'run-many', '-t', 'build', ...process.argv.slice(2)];
const { status } = spawnSync('npx', command, { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
writeFileSync(STAMP, '');
utimesSync(STAMP, started, started);
