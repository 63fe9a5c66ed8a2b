import { authenticate, byPassword, callKeystone, type Cloud } from './cloud.js';

/** Adds an endpoint of a service to the catalog, for all interfaces, in a region of its own. */
export async function addEndpoint(cloud: Cloud, type: string, region: string, url: string): Promise<void> {
  const { authUrl, people } = cloud;
  const token = await authenticate(authUrl, byPassword(people.admin), { system: { all: true } });
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await callKeystone(authUrl + path, method, token, body);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const { services } = (await call('GET', `/services?type=${type}`)) as { services: { id: string }[] };
  await call('POST', '/regions', { region: { id: region } });
  for (const name of ['public', 'internal', 'admin']) {
    const endpoint = { service_id: services[0]!.id, region_id: region, interface: name, url };
    await call('POST', '/endpoints', { endpoint });
  }
}
