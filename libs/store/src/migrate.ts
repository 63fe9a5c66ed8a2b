import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  DriverAdapterError,
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import * as engineBindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

/** Node has it; its types come with a later `@types/node` or with those of browsers. */
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

/** Where schema and migrations are: seen from the package's one program, or from this library in a checkout. */
const PRISMA_FOLDER = ['../prisma/', '../../../prisma/']
  .map((folder) => new URL(folder, import.meta.url))
  .find((folder) => existsSync(new URL('schema.prisma', folder)))!;

/** The advisory lock that migrations wait for: any number that nobody else uses. */
const MIGRATION_LOCK = 0x676c6d70;

/** Milliseconds within which PostgreSQL has to accept a connection. */
const CONNECT_DEADLINE = 5_000;

/** One migration of `prisma/migrations`. */
interface Migration {
  readonly name: string;
  readonly script: string;
}

async function readMigrations(): Promise<Migration[]> {
  const folder = new URL('migrations/', PRISMA_FOLDER);
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => ({
      name,
      script: await readFile(new URL(`${name}/migration.sql`, folder), 'utf8'),
    })),
  );
}

/**
 * Gives the engine's bindings their WebAssembly; the package's front door does so with an import that Node
 * does not have. Once a process: the bindings know one instance.
 */
let engineLoaded: Promise<void> | undefined;

async function loadEngine(): Promise<void> {
  const bindings = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const { instance } = await WebAssembly.instantiate(await readFile(bindings.replace(/\.js$/, '.wasm')), {
    './schema_engine_bg.js': withPatientTimers(engineBindings),
  });
  engineBindings.__wbg_set_wasm(instance.exports);
  (instance.exports['__wbindgen_start'] as () => void)();
}

/** The engine forgets a timer of ten seconds, which would keep the process alive for as long. */
function withPatientTimers(bindings: typeof engineBindings): Record<string, unknown> {
  const timers = Object.keys(bindings).filter((name) => name.startsWith('__wbg_setTimeout_'));
  const unreferenced = (callback: () => void, delay: number): NodeJS.Timeout =>
    setTimeout(callback, delay).unref();
  return { ...bindings, ...Object.fromEntries(timers.map((name) => [name, unreferenced])) };
}

/** Starts Prisma's schema engine on a pool. */
async function startEngine(pool: pg.Pool): Promise<engineBindings.SchemaEngine> {
  await (engineLoaded ??= loadEngine());
  const schema = fileURLToPath(new URL('schema.prisma', PRISMA_FOLDER));
  return engineBindings.SchemaEngine.new(
    { datamodels: [[schema, await readFile(schema, 'utf8')]] },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(wholeScripts(new PrismaPg(pool), pool)),
  );
}

/** The adapter splits a script at every semicolon, which breaks the bodies of functions: send it whole. */
function wholeScripts(
  factory: SqlMigrationAwareDriverAdapterFactory,
  pool: pg.Pool,
): SqlMigrationAwareDriverAdapterFactory {
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connectToShadowDb: () => factory.connectToShadowDb(),
    async connect() {
      const adapter = await factory.connect();
      adapter.executeScript = async (script) => {
        try {
          await pool.query(script);
        } catch (error) {
          if (!(error instanceof pg.DatabaseError)) throw error;
          const { code = '', severity = '', message, detail, column, hint } = error;
          throw new DriverAdapterError({ kind: 'postgres', code, severity, message, detail, column, hint });
        }
      };
      return adapter;
    },
  };
}

/** Waits for its turn by polling: waiting inside the lock would deadlock with `CREATE INDEX CONCURRENTLY`. */
async function takeTurn(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [
      MIGRATION_LOCK,
    ]);
    if (rows[0]?.taken) return;
    await sleep(200);
  }
}

/**
 * Applies the migrations that a database lacks, as `prisma migrate deploy` does, with the same bookkeeping
 * in `_prisma_migrations`. Any number of processes may do so at once: one applies, the others wait.
 *
 * @returns the names of the migrations that were applied
 * @throws what PostgreSQL or Prisma's schema engine says
 */
export async function migrate(url: string): Promise<string[]> {
  const connection = {
    connectionString: url,
    application_name: 'glimpse migrate',
    connectionTimeoutMillis: CONNECT_DEADLINE,
  };
  const turn = new pg.Client(connection);
  const pool = new pg.Pool({ ...connection, max: 2 });
  // A connection that is lost says so here; the query that needs it fails. Unheard, it would end the process.
  turn.on('error', () => undefined);
  pool.on('error', () => undefined);
  try {
    await turn.connect();
    await takeTurn(turn);
    const migrations = await readMigrations();
    const engine = await startEngine(pool);
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: {
        baseDir: fileURLToPath(new URL('migrations', PRISMA_FOLDER)),
        lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
        shadowDbInitScript: '',
        migrationDirectories: migrations.map(({ name, script }) => ({
          path: name,
          migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: script } },
        })),
      },
      filters: { externalTables: [], externalEnums: [] },
    });
    return appliedMigrationNames;
  } finally {
    await pool.end();
    await turn.end();
  }
}

/**
 * Names the migrations of this build that a database lacks. Later ones, of a newer build, are no obstacle:
 * a migration that takes something away comes one release after the code stopped using it.
 *
 * @throws what pg says when the database cannot be asked
 */
export async function missingMigrations(pool: pg.Pool): Promise<string[]> {
  const migrations = await readMigrations();
  const applied = await appliedMigrations(pool);
  return migrations
    .filter(({ name, script }) => applied.get(name) !== checksum(script))
    .map(({ name }) => name);
}

async function appliedMigrations(pool: pg.Pool): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ exists: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists`,
  );
  if (!rows[0]?.exists) return new Map();
  const applied = await pool.query<{ migration_name: string; checksum: string }>(
    'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  return new Map(applied.rows.map((row) => [row.migration_name, row.checksum]));
}

function checksum(script: string): string {
  return createHash('sha256').update(script).digest('hex');
}
