import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { VERSION } from '../settings/version.js';
import { pathOf } from './path.js';

/** The files of Swagger UI that the page needs, and their media types. */
const PAGE_FILES = { 'swagger-ui.css': 'text/css', 'swagger-ui-bundle.js': 'text/javascript' };

/** How an API is described. */
export interface Description {
  /** The heading of the page. */
  readonly heading: string;
  /** The summary of the API. */
  readonly summary: string;
  /** The groups of operations: the name and the description of each. */
  readonly tags: Readonly<Record<string, string>>;
  /** The operations to describe, by their paths behind the endpoint. */
  pathsOf(paths: OpenAPIObject['paths']): OpenAPIObject['paths'];
  /** The endpoints, as the client of a request reaches them. */
  serversFor(request: FastifyRequest): object[];
}

/**
 * The page. References are relative, since a proxy may serve it under a path that is unknown here.
 *
 * @param root the relative path from the page to the folder of `/docs`: `./`, or `../` where the request's path ends
 *   with a slash
 */
const page = (heading: string, root: string): string => `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Glimpse: ${heading}</title>
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

/** The description of the API, generated from the controllers. The generator is loaded at the first request. */
async function describeApi(app: NestFastifyApplication, description: Description): Promise<OpenAPIObject> {
  const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
  const outline = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Glimpse')
    .setDescription(description.summary)
    .setVersion(VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-Auth-Token' }, 'token');
  for (const [name, text] of Object.entries(description.tags)) outline.addTag(name, text);
  const document = SwaggerModule.createDocument(app, outline.build(), { autoTagControllers: false });
  return { ...document, paths: description.pathsOf(document.paths) };
}

/** Serves the description of an API: `/openapi.json` for programs, `/docs` for people. */
export function serveDescription(app: NestFastifyApplication, description: Description): void {
  const fastify = app.getHttpAdapter().getInstance();
  let generated: Promise<OpenAPIObject> | undefined;
  fastify.get('/openapi.json', async (request, reply) => {
    const document = await (generated ??= describeApi(app, description));
    const servers = description.serversFor(request);
    return reply.type('application/json').send(JSON.stringify({ ...document, servers }));
  });
  fastify.get('/docs', ({ raw }, reply) =>
    reply.type('text/html').send(page(description.heading, pathOf(raw).endsWith('/') ? '../' : './')),
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
