import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { VERSION } from '../version.js';

/** The files of Swagger UI that the page needs, and what they are. */
const PAGE_FILES = { 'swagger-ui.css': 'text/css', 'swagger-ui-bundle.js': 'text/javascript' };

/** References are relative: the service may stand behind a path that it does not know. */
const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Glimpse</title>
  <link rel="stylesheet" href="./docs/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="./docs/swagger-ui-bundle.js"></script>
  <script>SwaggerUIBundle({ url: './openapi.json', dom_id: '#swagger-ui', deepLinking: true });</script>
</body>
</html>
`;

/** The description of the API, made from the controllers. What makes it is loaded for it: a start does without. */
async function describeApi(app: NestFastifyApplication): Promise<string> {
  const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
  const outline = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Glimpse')
    .setDescription('The Compute API v2.1 `images` resource. Every route is there under `/v2.1` and `/v2`.')
    .setVersion(VERSION)
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-Auth-Token' }, 'token')
    .build();
  return JSON.stringify(SwaggerModule.createDocument(app, outline, { autoTagControllers: false }));
}

/** Serves the description: `/openapi.json` for programs, `/docs` for people. */
export function serveDescription(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  let description: Promise<string> | undefined;
  fastify.get('/openapi.json', async (_request, reply) => {
    const text = await (description ??= describeApi(app));
    return reply.type('application/json').send(text);
  });
  fastify.get('/docs', (_request, reply) => reply.type('text/html').send(PAGE));
  for (const [name, type] of Object.entries(PAGE_FILES)) {
    fastify.get(`/docs/${name}`, async (_request, reply) => {
      const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
      return reply.type(type).send(await readFile(join(folder, name)));
    });
  }
}
