import type { SortKey } from '@glimpse/domain';

/** The column of each attribute by which lists are sorted. */
const SORT_COLUMNS: {
  readonly [Attribute in SortKey['attribute']]: {
    readonly column: string;
    readonly isText?: true;
    readonly isNullable?: true;
  };
} = {
  name: { column: 'name', isText: true, isNullable: true },
  status: { column: 'status', isText: true },
  containerFormat: { column: 'container_format', isText: true, isNullable: true },
  diskFormat: { column: 'disk_format', isText: true, isNullable: true },
  size: { column: 'size', isNullable: true },
  id: { column: 'id' },
  createdAt: { column: 'created_at' },
  updatedAt: { column: 'updated_at', isNullable: true },
};

/** The columns of an order, with the id. */
export function columnsOf(order: readonly SortKey[]): string[] {
  return [...new Set(['id', ...order.map(({ attribute }) => SORT_COLUMNS[attribute].column)])];
}

/** The ORDER BY of a statement over rows that have these columns: text by code points, null lowest. */
export function orderBy(order: readonly SortKey[]): string {
  const keys = order.map(({ attribute, direction }) => {
    const { column, isText, isNullable } = SORT_COLUMNS[attribute];
    const value = isText ? `${column} COLLATE "C"` : column;
    const nulls = isNullable ? (direction === 'asc' ? ' NULLS FIRST' : ' NULLS LAST') : '';
    return `${value} ${direction.toUpperCase()}${nulls}`;
  });
  return `ORDER BY ${keys.join(', ')}`;
}

/** The condition that the row `image` comes after the row of `marker` in this order; false where there is no marker. */
export function isAfterMarker(order: readonly SortKey[]): string {
  const condition = order.reduceRight((after, { attribute, direction }) => {
    const { column, isText, isNullable } = SORT_COLUMNS[attribute];
    const value = `image.${column}${isText ? ' COLLATE "C"' : ''}`;
    const marker = `(SELECT ${column} FROM marker)`;
    const beyond = `${value} ${direction === 'asc' ? '>' : '<'} ${marker}`;
    const [lower, higher] = direction === 'asc' ? [marker, value] : [value, marker];
    const beyondNull = isNullable ? ` OR ${lower} IS NULL AND ${higher} IS NOT NULL` : '';
    const same = isNullable ? `${value} IS NOT DISTINCT FROM ${marker}` : `${value} = ${marker}`;
    return `(${beyond}${beyondNull}${after && ` OR ${same} AND ${after}`})`;
  }, '');
  return `EXISTS (SELECT FROM marker) AND ${condition}`;
}
