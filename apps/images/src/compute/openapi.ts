import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { VERSION } from '../version.js';

/** The description of the API, made from the controllers. */
function describeApi(app: INestApplication): OpenAPIObject {
  const outline = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Glimpse')
    .setDescription('The Compute API v2.1 `images` resource. Every route is there under `/v2.1` and `/v2`.')
    .setVersion(VERSION)
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-Auth-Token' }, 'token')
    .build();
  return SwaggerModule.createDocument(app, outline, { autoTagControllers: false });
}

/** Serves the description: `/openapi.json` for programs, `/docs` for people. */
export function serveDescription(app: INestApplication): void {
  let description: OpenAPIObject | undefined;
  SwaggerModule.setup('docs', app, () => (description ??= describeApi(app)), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Glimpse',
  });
}
