/** Ways to read from a catalogue, without HTTP. Each returns JSON. */
import { StoredImageReader, openDatabase } from '@glimpse/store';

const SHOW = 'SELECT * FROM images WHERE id = $1 AND deleted_at IS NULL';

/**
 * @param {string} kind `pg`, `prisma`, `catalogue` or `query`
 * @param {string} url of the database
 * @param {{text: string, values: unknown[]}} [query] the query of `query`, whatever the id
 * @returns {(id: string) => Promise<string>}
 */
export function reader(kind, url, query) {
  const database = openDatabase({ url, poolSize: 10 });
  const { pool, prisma } = database;
  const catalogue = new StoredImageReader(database);
  const viewer = { project: null, admin: true };
  const plain = ({ version, size, ...image }) =>
    JSON.stringify({ ...image, version: Number(version), size: Number(size) });
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
      return plain(image);
    },
    async catalogue(id) {
      return plain((await catalogue.image(id, viewer)).value);
    },
    async query() {
      const { rows } = await pool.query(query.text, query.values);
      return JSON.stringify(rows);
    },
  };
  return readers[kind];
}
