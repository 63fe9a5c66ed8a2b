import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { itSurvivesKills } from '../harness/data-kills.js';
import { newFolder } from '../harness/service.js';

const MAX_BYTES = 3_000_000;

const folder = join(newFolder(), 'data');

itSurvivesKills(
  'two replicas and their database that are killed lose no acknowledged image, and leave no bytes without one',
  {
    settings: { GLIMPSE_DATA_OPTIONS_PATH: folder, GLIMPSE_DATA_OPTIONS_RESERVE: '0' },
    size: () => 1 + Math.floor(Math.random() * MAX_BYTES),
    keys: async () => (await readdir(folder)).filter((name) => name !== 'catalogue-id'),
  },
);
