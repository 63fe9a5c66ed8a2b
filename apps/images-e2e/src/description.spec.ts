import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from './harness/databases.js';
import { readDescription } from './harness/description.js';
import { startService, type Service } from './harness/service.js';

let service: Service;
beforeAll(async () => {
  service = await startService(await createDatabase('contract'));
});
afterAll(() => service.stop());

describe('the API description', () => {
  it('is OpenAPI 3.1 and has every route of images, with the project and without, under both versions', async () => {
    const { openapi, paths } = (await (await fetch(`${service.url}/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, object>;
    };
    expect(openapi).toBe('3.1.0');
    const methods = Object.entries(paths).map(([path, item]) => `${path} ${Object.keys(item).join(' ')}`);
    const routes = [
      '/images get',
      '/images/detail get',
      '/images/{image_id} get delete',
      '/images/{image_id}/metadata get post put',
      '/images/{image_id}/metadata/{key} get put delete',
      '/extensions get',
      '/extensions/{alias} get',
    ];
    const prefixes = ['/v2.1', '/v2.1/{project_id}', '/v2', '/v2/{project_id}'];
    expect(methods.sort()).toEqual(
      prefixes.flatMap((prefix) => routes.map((route) => prefix + route)).sort(),
    );
  });

  it('would notice an answer that it does not describe', async () => {
    const check = await readDescription(service.url);
    expect(() => check('GET', '/v2.1/images', 200, '{"images":[{"id":1}]}')).toThrow();
    expect(() => check('GET', '/v2.1/images', 418, '{}')).toThrow();
    expect(() => check('GET', '/v2.1/images', 404, '{"itemNotFound":{"code":"404"}}')).toThrow();
    expect(() => check('GET', '/v2.1/images', 200, '{"images":[]}')).not.toThrow();
  });

  it('is a page for people at /docs, with what the page needs', async () => {
    const page = await fetch(`${service.url}/docs`);
    expect(page.headers.get('content-type')).toContain('text/html');
    const html = await page.text();
    const files = [...html.matchAll(/(?:src|href)="\.\/(docs\/[^"]+)"/g)].map(([, file]) => file!);
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) expect((await fetch(`${service.url}/${file}`)).status).toBe(200);
  });
});
