import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { settingNames } from './config/load.js';

const reference = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8');

it('lists every setting with its key and its variable, and no other', () => {
  const rows = [...reference.matchAll(/^\| `([a-z_.]+)`\s+\| `([A-Z_]+)`/gm)];
  expect(rows.map(([, path, variable]) => ({ path, variable }))).toEqual(settingNames());
});
