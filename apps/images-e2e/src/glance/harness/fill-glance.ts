import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { Cloud, Person } from '../../keystone/harness/cloud.js';

function sql({ glancePidFile }: Cloud, statements: string): void {
  const database = join(dirname(glancePidFile!), 'glance.db');
  execFileSync('sqlite3', ['-cmd', '.timeout 10000', database], { input: statements });
}

/**
 * Inserts thousands of images into the database of the run's Glance, because its API takes minutes for them.
 * Seven at a time have the same time of creation, and each has two properties.
 */
export function fillGlance(cloud: Cloud, { projectId }: Person, count: number): void {
  const id = `printf('%08x-0000-4000-8000-%012x', n * 2654435761 % 4294967296, n)`;
  const time = `datetime('2025-01-01', (n / 7) || ' seconds') || '.000000'`;
  sql(
    cloud,
    `BEGIN;
     CREATE TEMP TABLE numbers AS
       WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
       SELECT n FROM numbers;
     INSERT INTO images (id, name, size, status, created_at, updated_at, deleted, disk_format,
                         container_format, owner, min_disk, min_ram, protected, visibility, os_hidden)
       SELECT ${id}, 'filled ' || n, n, 'active', ${time}, ${time}, 0, 'raw', 'bare', '${projectId}', 0, 0, 0,
              CASE n % 5 WHEN 0 THEN 'community' ELSE 'private' END, 0 FROM numbers;
     INSERT INTO image_properties (image_id, name, value, created_at, deleted)
       SELECT ${id}, key, 'value ' || n, ${time}, 0
       FROM numbers, (SELECT 'os_distro' AS key UNION ALL SELECT 'os_version');
     COMMIT;`,
  );
}

/** Deletes them again, rows included. */
export function drainGlance(cloud: Cloud): void {
  const filled = `SELECT id FROM images WHERE name LIKE 'filled %'`;
  sql(
    cloud,
    `BEGIN;
     DELETE FROM image_properties WHERE image_id IN (${filled});
     DELETE FROM images WHERE id IN (${filled});
     COMMIT;`,
  );
}

/** Sets when images were created and changed, in whole seconds: SQLite has fractions that documents do not show. */
export function setTimes(
  cloud: Cloud,
  times: readonly { readonly id: string; readonly createdAt: Date; readonly updatedAt: Date }[],
): void {
  const text = (time: Date): string => `'${time.toISOString().slice(0, 19).replace('T', ' ')}.000000'`;
  const updates = times.map(
    ({ id, createdAt, updatedAt }) =>
      `UPDATE images SET created_at = ${text(createdAt)}, updated_at = ${text(updatedAt)} WHERE id = '${id}';`,
  );
  sql(cloud, `BEGIN; ${updates.join('\n')} COMMIT;`);
}

/** Sets when images were created and changed, each a second after the one before. */
export function setSecondsApart(cloud: Cloud, ids: readonly string[]): void {
  const time = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
  setTimes(
    cloud,
    ids.map((id, second) => ({ id, createdAt: time(second), updatedAt: time(second) })),
  );
}
