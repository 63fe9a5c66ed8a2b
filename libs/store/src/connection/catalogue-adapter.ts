import { PrismaPg } from '@prisma/adapter-pg';
import type { SqlDriverAdapter, SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import type pg from 'pg';

type PrismaPgOptions = NonNullable<ConstructorParameters<typeof PrismaPg>[1]>;

/** The database has no catalogue whose schema could be used; the code is PostgreSQL's for missing tables. */
class NoCatalogue extends Error {
  readonly code = '42P01';

  constructor() {
    super('the database has no table "images"');
  }
}

/**
 * Prisma's adapter, given the schema in which this database has its catalogue: Prisma names the schema in every
 * statement, and uses `public` by default.
 */
export class CatalogueAdapter implements SqlDriverAdapterFactory {
  readonly provider = 'postgres';
  readonly adapterName = '@prisma/adapter-pg';

  constructor(
    private readonly pool: pg.Pool,
    /** The one that the URL names; undefined: where statements find the table `images`. */
    private readonly schema: string | undefined,
    private readonly options: PrismaPgOptions,
  ) {}

  async connect(): Promise<SqlDriverAdapter> {
    const schema = this.schema ?? (await this.#find());
    return new PrismaPg(this.pool, { ...this.options, schema }).connect();
  }

  async #find(): Promise<string> {
    const { rows } = await this.pool.query<{ schema: string }>(
      `SELECT nspname AS schema FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
       WHERE pg_class.oid = to_regclass('images')`,
    );
    if (!rows[0]) throw new NoCatalogue();
    return rows[0].schema;
  }
}
