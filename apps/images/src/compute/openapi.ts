import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { EffectiveSettings } from '../settings/settings.js';
import { pathOf } from '../http/path.js';
import { VERSION } from '../settings/version.js';
import { computeBaseOf } from './request.js';
import { ROUTE_PREFIXES } from './routes.js';

/** The files of Swagger UI that the page needs, and their media types. */
const PAGE_FILES = { 'swagger-ui.css': 'text/css', 'swagger-ui-bundle.js': 'text/javascript' };

/**
 * The page. References are relative, since a proxy may serve it under a path that is unknown here.
 *
 * @param root the relative path from the page to the folder of `/docs`: `./`, or `../` where the request's path ends
 *   with a slash
 */
const page = (root: string): string => `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Glimpse: the Compute API of images</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="${root}docs/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="${root}docs/swagger-ui-bundle.js"></script>
  <script>SwaggerUIBundle({ url: '${root}openapi.json', dom_id: '#swagger-ui', deepLinking: true });</script>
</body>
</html>
`;

const TAGS = {
  Images: 'List, show and delete.',
  'Image metadata': 'Custom properties of an image.',
  Extensions: 'Attributes added to images.',
};

/** The prefix whose routes are described; those under the other prefixes are the same. */
const DESCRIBED = `/${ROUTE_PREFIXES[0]}`;

/** The forms of the endpoint that Keystone's catalog may have: with the project's id or without. */
const ENDPOINTS = [
  { path: '/v2.1', description: 'With microversions.' },
  { path: '/v2.1/{project_id}', description: 'With microversions, for clients that add their project.' },
  { path: '/v2', description: 'Without microversions.' },
  { path: '/v2/{project_id}', description: 'Without microversions, for clients that add their project.' },
];

const PROJECT_ID = {
  default: 'PROJECT_ID',
  description: 'The id of the project that the token is scoped to.',
};

/** @param base the URL at which clients reach the service */
function serversAt(base: string): object[] {
  return ENDPOINTS.map(({ path, description }) => ({
    url: base + path,
    description,
    ...(path.includes('{') && { variables: { project_id: PROJECT_ID } }),
  }));
}

/** Describes each operation once, by its path behind the endpoint. */
function describeOnce(paths: OpenAPIObject['paths']): OpenAPIObject['paths'] {
  const described = Object.entries(paths).filter(
    ([path]) => path.startsWith(`${DESCRIBED}/`) && !path.startsWith(`${DESCRIBED}/{`),
  );
  return Object.fromEntries(described.map(([path, item]) => [path.slice(DESCRIBED.length), item]));
}

/** The description of the API, generated from the controllers. The generator is loaded at the first request. */
async function describeApi(app: NestFastifyApplication): Promise<OpenAPIObject> {
  const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
  const outline = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Glimpse')
    .setDescription('The `images` resource of the OpenStack Compute API v2.1.')
    .setVersion(VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-Auth-Token' }, 'token');
  for (const [name, description] of Object.entries(TAGS)) outline.addTag(name, description);
  const document = SwaggerModule.createDocument(app, outline.build(), { autoTagControllers: false });
  return { ...document, paths: describeOnce(document.paths) };
}

/** Serves the description: `/openapi.json` for programs, `/docs` for people. */
export function serveDescription(app: NestFastifyApplication, settings: EffectiveSettings): void {
  const fastify = app.getHttpAdapter().getInstance();
  let description: Promise<OpenAPIObject> | undefined;
  fastify.get('/openapi.json', async ({ raw }, reply) => {
    const document = await (description ??= describeApi(app));
    const servers = serversAt(computeBaseOf(raw, settings));
    return reply.type('application/json').send(JSON.stringify({ ...document, servers }));
  });
  fastify.get('/docs', ({ raw }, reply) =>
    reply.type('text/html').send(page(pathOf(raw).endsWith('/') ? '../' : './')),
  );
  for (const [name, type] of Object.entries(PAGE_FILES)) {
    // One buffer for all clients, however many are still reading it.
    let bytes: Promise<Buffer> | undefined;
    fastify.get(`/docs/${name}`, async (_request, reply) => {
      bytes ??= readPageFile(name);
      bytes.catch(() => (bytes = undefined));
      return reply.type(type).send(await bytes);
    });
  }
}

function readPageFile(name: string): Promise<Buffer> {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  return readFile(join(folder, name));
}
