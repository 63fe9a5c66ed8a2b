/**
 * Names the origin of a document that is not the Image API's but is often mistaken for one; undefined for others.
 *
 * @example
 * foreignDocument({ ID: '70a5…', Name: 'debian-13', Status: 'active' }); // "… openstackclient …"
 */
export function foreignDocument(document: unknown): string | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  const has = (name: string): boolean => Object.hasOwn(document, name);
  const { properties, metadata, links } = document as Record<string, unknown>;
  if (!has('id') && has('ID')) return 'what `openstack image list -f json` prints';
  if (typeof properties === 'object' && properties !== null)
    return 'what `openstack image show -f json` prints';
  if (Array.isArray(links) || (typeof metadata === 'object' && metadata !== null)) {
    return 'a document of the Compute API';
  }
  return undefined;
}
