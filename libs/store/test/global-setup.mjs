import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Gives the run a folder for everything temporary, with the cluster that suites copy, and has it cleaned up, servers and
 * all, however the run ends.
 */
export default function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'glimpse-store-'));
  // As every temporary folder: other users may enter it.
  chmodSync(folder, 0o755);
  process.env['TMPDIR'] = folder;
  process.env['TEST_CLUSTER_TEMPLATE'] = join(folder, 'template');
  const program = fileURLToPath(new URL('cleaner.mjs', import.meta.url));
  const cleaner = spawn(process.execPath, [program, folder], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  });
  cleaner.unref();
  cleaner.stdin.unref();
}
