import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadSettings } from '../settings/load.js';
import { loadImagePolicy } from './load-image-policy.js';

describe('the policy of the settings', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'glimpse-policy-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('that cannot be loaded names the setting, the file and the reason', () => {
    const load = (settings: Record<string, string>) => () => loadImagePolicy(loadSettings(settings));
    const missing = join(folder, 'none.yaml');
    expect(load({ GLIMPSE_POLICY_FILE: missing })).toThrow(`policy.file ${missing}: cannot be read: ENOENT`);
    const config = join(folder, 'glimpse.yaml');
    writeFileSync(config, `policy: {dirs: [${join(folder, 'policy.d')}]}`);
    mkdirSync(join(folder, 'policy.d'));
    const wrong = join(folder, 'policy.d', 'wrong.yaml');
    writeFileSync(wrong, 'get_images: rule:none');
    expect(load({ GLIMPSE_CONFIG: config })).toThrow(`policy.dirs ${wrong}: rule "get_images":`);
  });
});
