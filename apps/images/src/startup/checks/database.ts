import { CatalogueUnavailable } from '@glimpse/domain';
import {
  inspectDatabase,
  missingMigrations,
  missingRights,
  openDatabase,
  orUnavailable,
  type Database,
  type DatabaseFindings,
} from '@glimpse/store';
import type { CheckedDependencies } from './checks.js';
import { clockFinding, failed, ok, skipped, warning, type Finding } from './finding.js';

/** Tests the database of `DATABASE_URL`, and the connection for change notifications if it is another. */
export async function examineDatabase({ settings: { database } }: CheckedDependencies): Promise<Finding[]> {
  if (!database.url) return [skipped('database', 'embedded: serve starts and migrates it')];
  const { url, pooler, listen_url: listenUrl } = database;
  const findings = await withDatabase('database', { url, pooler }, (opened) =>
    examineOpened(opened, database.pool),
  );
  if (!listenUrl) return findings;
  const subject = 'database for notifications';
  const others = await withDatabase(subject, { url: listenUrl }, async ({ pool }) => {
    const { version } = await inspectDatabase(pool);
    return [ok(subject, `PostgreSQL ${version}`)];
  });
  return [...findings, ...others];
}

async function withDatabase(
  subject: string,
  address: Pick<Parameters<typeof openDatabase>[0], 'url' | 'pooler'>,
  test: (database: Database) => Promise<Finding[]>,
): Promise<Finding[]> {
  const database = openDatabase({ ...address, poolSize: 1 });
  // Without a handler, an error of an idle connection would end the process.
  database.pool.on('error', () => undefined);
  try {
    return await orUnavailable(() => test(database));
  } catch (error) {
    if (!(error instanceof CatalogueUnavailable)) throw error;
    return [failed(subject, `${error.message}; check DATABASE_URL and DATABASE_LISTEN_URL`)];
  } finally {
    await database.close();
  }
}

async function examineOpened({ pool }: Database, poolSize: number): Promise<Finding[]> {
  const found = await inspectDatabase(pool);
  const { version, encoding, role, schema, unusable } = found;
  if (unusable) return [failed('database', unusable)];
  const described = ok('database', `PostgreSQL ${version}, ${encoding}, schema ${schema}, role ${role}`);
  return [described, ...(await examineSchema(pool, found)), ...(await examineServer(pool, poolSize))];
}

/** The rights of the role and the migrations; and of a migrated database what searches need. */
async function examineSchema(pool: Database['pool'], { unmigratable }: DatabaseFindings): Promise<Finding[]> {
  const rights = await missingRights(pool);
  if (rights.length > 0) return [failed('rights', `the role lacks rights: ${rights.join('; ')}`)];
  const missing = await missingMigrations(pool);
  if (missing.length > 0) {
    const remedy = unmigratable ? `${unmigratable}, or migrate as another role` : 'run glimpse migrate';
    return [failed('migrations', `the database lacks ${missing.join(', ')}: ${remedy}`)];
  }
  return [
    ok('rights', 'the role may read and write every table'),
    ok('migrations', 'the database has all of this release'),
    await examineLocale(pool),
  ];
}

async function examineLocale(pool: Database['pool']): Promise<Finding> {
  const { rows } = await pool.query<{ folds: boolean; indexed: boolean }>(
    `SELECT 'É' ILIKE 'é' AS folds, show_trgm('日本') <> '{}' AS indexed`,
  );
  const { folds, indexed } = rows[0]!;
  if (folds && indexed) return ok('locale', 'names are searched in any script');
  const lacking = folds ? 'searches for names beyond ASCII use no index' : 'searches distinguish É from é';
  return warning('locale', `${lacking}: create the database with LC_CTYPE 'C.UTF-8' TEMPLATE template0`);
}

async function examineServer(pool: Database['pool'], poolSize: number): Promise<Finding[]> {
  const from = Date.now();
  const { rows } = await pool.query<{ now: number; connections: number }>(
    `SELECT extract(epoch FROM clock_timestamp())::float8 AS now,
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections`,
  );
  const { now, connections } = rows[0]!;
  // The query was served somewhere between the two times.
  const here = (from + Date.now()) / 2000;
  const needed = poolSize + 1;
  return [
    connections >= needed
      ? ok('connections', `the server allows ${connections}, a replica opens ${needed}`)
      : failed(
          'connections',
          `the server allows ${connections}, a replica opens ${needed}: raise max_connections or lower GLIMPSE_DATABASE_POOL`,
        ),
    clockFinding('database clock', now - here),
  ];
}
