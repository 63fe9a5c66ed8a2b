import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from '../harness/databases.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

let service: Service;
beforeAll(async () => {
  service = await startService(await createDatabase('contract'), { GLIMPSE_MAX_MICROVERSION: '2.38' });
});
afterAll(() => service.stop());

const V20 = {
  id: 'v2.0',
  status: 'SUPPORTED',
  version: '',
  min_version: '',
  updated: '2011-01-21T11:33:21Z',
};
const V21 = {
  id: 'v2.1',
  status: 'CURRENT',
  version: '2.38',
  min_version: '2.1',
  updated: '2013-07-23T11:33:21Z',
};
const describedBy = { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' };
const self = (path: string): object => ({ rel: 'self', href: `${service.url}/${path}` });
const mediaTypes = (version: string): object[] => [
  { base: 'application/json', type: `application/vnd.openstack.compute+json;version=${version}` },
];

describe.each([
  ['without a token', {}],
  ['with a token', { 'x-auth-token': tokenOf('demo') }],
  ['with an invalid token', { 'x-auth-token': 'garbage' }],
])('version discovery %s', (_, headers: Record<string, string>) => {
  const request = (path: string, more: Record<string, string> = {}): Promise<Response> =>
    fetch(service.url + path, { headers: { ...headers, ...more } });

  it('lists the versions at the root', async () => {
    const response = await request('/');
    expect(response.status).toBe(200);
    expect(response.headers.get('openstack-api-version')).toBeNull();
    expect(await response.json()).toEqual({
      versions: [
        { ...V20, links: [self('v2/')] },
        { ...V21, links: [self('v2.1/')] },
      ],
    });
  });

  it.each(['/v2', '/v2/', '//v2/'])('describes v2.0 at %s, without microversions', async (path) => {
    const response = await request(path, { 'openstack-api-version': 'compute 9.9' });
    expect(response.status).toBe(200);
    expect(response.headers.get('openstack-api-version')).toBeNull();
    expect(await response.json()).toEqual({
      version: { ...V20, links: [self('v2/'), describedBy], 'media-types': mediaTypes('2') },
    });
  });

  it.each(['/v2.1', '/v2.1/'])(
    'describes v2.1 at %s, under the microversion of the request',
    async (path) => {
      const response = await request(path, { 'openstack-api-version': 'compute latest' });
      expect(response.status).toBe(200);
      expect(response.headers.get('openstack-api-version')).toBe('compute 2.38');
      expect(await response.json()).toEqual({
        version: { ...V21, links: [self('v2.1/'), describedBy], 'media-types': mediaTypes('2.1') },
      });
      expect((await request(path, { 'openstack-api-version': 'compute 9.9' })).status).toBe(406);
    },
  );

  it.each(['/v9', '/v9/', '/v2.2'])('lists the choices at %s', async (path) => {
    const response = await request(path);
    expect(response.status).toBe(300);
    const version = path.replaceAll('/', '');
    expect(await response.json()).toEqual({
      choices: [
        { id: 'v2.0', status: 'SUPPORTED', links: [self(`v2/${version}`)], 'media-types': mediaTypes('2') },
        { id: 'v2.1', status: 'CURRENT', links: [self(`v2.1/${version}`)], 'media-types': mediaTypes('2.1') },
      ],
    });
  });
});
