/** An endpoint of a catalog, as Keystone writes it. */
export interface Endpoint {
  readonly type: string;
  readonly interface: string;
  readonly region: string;
  readonly url: string;
}

/** Which endpoint of a catalog; without a region the first one. */
export interface EndpointFilter {
  readonly type: string;
  readonly interface: string;
  readonly region?: string | undefined;
}

/**
 * @example
 * findEndpoint(catalog, { type: 'image', interface: 'public' })?.url; // http://glance.example.com
 */
export function findEndpoint(
  catalog: readonly Endpoint[],
  { type, interface: wanted, region }: EndpointFilter,
): Endpoint | undefined {
  return catalog.find(
    (endpoint) =>
      endpoint.type === type &&
      endpoint.interface === wanted &&
      (region === undefined || endpoint.region === region),
  );
}

/** An endpoint as messages name it. */
export function endpointName({ type, interface: wanted, region }: EndpointFilter): string {
  return `${type} endpoint ${wanted}${region === undefined ? '' : ` in the region ${region}`}`;
}
