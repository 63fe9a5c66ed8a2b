import type { Statement } from '../statement.js';
import type { Database } from './database.js';
import { orUnavailable, type Availability } from './unavailable.js';

/**
 * Runs a statement that may write.
 *
 * @throws as {@link orUnavailable}
 */
export function write<Row extends object>(
  database: Database,
  { text, values, name = '' }: Statement,
  availability: Availability,
): Promise<Row[]> {
  const query = { name: database.prepares ? name : '', text, values: [...values] };
  return orUnavailable(() => database.write<Row>(query), availability);
}
