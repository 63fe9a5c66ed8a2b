/** What a rival answers to a path: recorded answers, or what it reads. */
import { readFileSync } from 'node:fs';
import { reader } from './reads.mjs';

/**
 * @param {{recorded?: string, read?: string, database?: string, query?: object}} how `recorded`: a file of
 *   answers by id
 * @returns what answers an id: {headers, body}, or a promise of it
 */
export function answersOf({ recorded, read, database, query }) {
  if (recorded) {
    const answers = new Map(Object.entries(JSON.parse(readFileSync(recorded, 'utf8'))));
    return (id) => answers.get(id);
  }
  const readImage = reader(read, database, query);
  return async (id) => ({ headers: { 'content-type': 'application/json' }, body: await readImage(id) });
}
