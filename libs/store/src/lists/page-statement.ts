import { READ_COLUMNS_OF_LISTS } from '../images/image-columns.js';

/** The most images of a page. Its statement has the same text for every page, so that connections keep its plan. */
export const MAX_PAGE = 1000;

/** Bytes of properties, members, tags and locations after which a page ends: about a document of 4 MiB. */
const MAX_PAGE_BYTES = 4 * 2 ** 20;

/**
 * Reads the images of a page whole, members included. A page of many bytes ends before the image that would exceed
 * them, but never before its first. OFFSET 0 keeps PostgreSQL from reading members twice.
 *
 * @param page the statement that selects the columns of the page's images, `branch` and `truncated`
 * @param order the ORDER BY of the list
 */
export function wholeImages(page: string, order: string): string {
  return `
      SELECT ${READ_COLUMNS_OF_LISTS}, members, branch, truncated, followed
      FROM (
        SELECT page.*, lead(page.id) OVER (${order}) IS NOT NULL AS followed,
               sum(octet_length(properties::text) + octet_length(tags::text) + coalesce(octet_length(locations::text), 0)
                 + coalesce(octet_length(members::text), 0)) OVER (
                 ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
        FROM (
          SELECT page.*, CASE WHEN visibility = 'shared' THEN (
            SELECT jsonb_agg(jsonb_build_object('member', member, 'status', share.status))
            FROM members share WHERE share.image_id = page.id
          ) END AS members
          FROM (${page}) page OFFSET 0
        ) page
      ) page
      WHERE before IS NULL OR before < ${MAX_PAGE_BYTES}
      ${order}`;
}
