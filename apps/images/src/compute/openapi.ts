import type { OpenAPIObject } from '@nestjs/swagger';
import { baseUrlOf } from '../http/base-url.js';
import type { Description } from '../http/openapi.js';
import type { EffectiveSettings } from '../settings/settings.js';
import { ROUTE_PREFIXES } from './routes.js';

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

/** The description of the Compute API. */
export function computeDescription({ public_url }: EffectiveSettings): Description {
  return {
    heading: 'the Compute API of images',
    summary: 'The `images` resource of the OpenStack Compute API v2.1.',
    tags: TAGS,
    pathsOf: describeOnce,
    serversFor: ({ raw }) => serversAt(baseUrlOf(raw, public_url)),
  };
}
