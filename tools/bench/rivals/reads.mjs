/** Ways to read from a catalogue, each by the client library alone. Each answers JSON. */
import { openDatabase } from '@glimpse/store';

const SHOW = 'SELECT * FROM images WHERE id = $1 AND deleted_at IS NULL';

/**
 * @param {string} kind `pg`, `prisma` or `query`
 * @param {string} url of the database
 * @param {{text: string, values: unknown[]}} [query] what `query` asks, whatever it is asked for
 * @returns {(id: string) => Promise<string>}
 */
export function reader(kind, url, query) {
  const { pool, prisma } = openDatabase({ url, poolSize: 10 });
  const readers = {
    async pg(id) {
      const { rows } = await pool.query({ name: 'show', text: SHOW, values: [id] });
      return JSON.stringify(rows[0]);
    },
    async prisma(id) {
      const image = await prisma.image.findUnique({
        where: { id, deletedAt: null },
        include: { members: true },
      });
      return JSON.stringify({ ...image, version: Number(image.version), size: Number(image.size) });
    },
    async query() {
      const { rows } = await pool.query(query.text, query.values);
      return JSON.stringify(rows);
    },
  };
  return readers[kind];
}
