import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from '../harness/databases.js';
import { readDescription } from '../harness/description.js';
import { startService, type Service } from '../harness/service.js';

let service: Service;
beforeAll(async () => {
  service = await startService(await createDatabase('contract'));
});
afterAll(() => service.stop());

describe('the API description', () => {
  it('is OpenAPI 3.1 and has every operation once, under the four forms of the endpoint', async () => {
    const { openapi, servers, paths } = (await (await fetch(`${service.url}/openapi.json`)).json()) as {
      openapi: string;
      servers: readonly { url: string }[];
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    expect(openapi).toBe('3.1.0');
    expect(servers.map(({ url }) => url)).toEqual([
      `${service.url}/v2.1`,
      `${service.url}/v2.1/{project_id}`,
      `${service.url}/v2`,
      `${service.url}/v2/{project_id}`,
    ]);
    const operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { operationId }]) => `${operationId}: ${method} ${path}`),
    );
    expect(operations.sort()).toEqual([
      'deleteImage: delete /images/{image_id}',
      'deleteImageMetadataItem: delete /images/{image_id}/metadata/{key}',
      'listExtensions: get /extensions',
      'listImageMetadata: get /images/{image_id}/metadata',
      'listImages: get /images',
      'listImagesDetailed: get /images/detail',
      'mergeImageMetadata: post /images/{image_id}/metadata',
      'replaceImageMetadata: put /images/{image_id}/metadata',
      'setImageMetadataItem: put /images/{image_id}/metadata/{key}',
      'showExtension: get /extensions/{alias}',
      'showImage: get /images/{image_id}',
      'showImageMetadataItem: get /images/{image_id}/metadata/{key}',
    ]);
  });

  it('fails the check of a response that it does not describe', async () => {
    const check = await readDescription(service.url);
    expect(() => check('GET', '/v2.1/images', 200, '{"images":[{"id":1}]}')).toThrow();
    expect(() => check('GET', '/v2.1/images', 418, '{}')).toThrow();
    expect(() => check('GET', '/v2.1/images', 404, '{"itemNotFound":{"code":"404"}}')).toThrow();
    expect(() => check('GET', '/v2.1/images', 200, '{"images":[]}')).not.toThrow();
  });

  it.each(['/docs', '/docs/'])('is an HTML page at %s, with the files that the page needs', async (path) => {
    const address = new URL(path, service.url);
    const page = await fetch(address);
    expect(page.headers.get('content-type')).toContain('text/html');
    const html = await page.text();
    expect(html).toContain('<meta name="viewport" content="width=device-width');
    const files = [...html.matchAll(/(?:src|href|url)(?:=|: )['"](\.[^'"]+)['"]/g)].map(([, file]) => file!);
    expect(files.length).toBe(3);
    for (const file of files) expect((await fetch(new URL(file, address))).status).toBe(200);
  });
});
