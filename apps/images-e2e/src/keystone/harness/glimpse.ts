import { until } from '@glimpse/domain/testing';
import { createCatalogue } from '../../harness/catalogue.js';
import { databaseUrl } from '../../harness/databases.js';
import { newFolder, startBareService, type Service } from '../../harness/service.js';
import type { Cloud, Person } from './cloud.js';

/** The images of these suites: a private one of each project, and a public one. */
export const IMAGES = {
  demo: '00000000-0000-4000-8000-00000000000d',
  alt: '00000000-0000-4000-8000-00000000000a',
  public: '00000000-0000-4000-8000-000000000000',
};

/** A database with them. */
export function createImages({ people }: Cloud): Promise<string> {
  const image = (name: keyof typeof IMAGES, visibility: string, { projectId }: Person): object => ({
    id: IMAGES[name],
    name,
    status: 'active',
    visibility,
    owner: projectId,
    created_at: '2026-01-01T00:00:00Z',
    architecture: 'x86_64',
  });
  return createCatalogue({
    images: [
      image('demo', 'private', people.demo),
      image('alt', 'private', people.alt),
      image('public', 'public', people.admin),
    ],
  });
}

/** Starts a service that authenticates to Keystone with these credentials, with its most verbose log. */
export async function startGlimpse(
  database: string,
  credentials: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>> = {},
): Promise<Service> {
  const service = await startBareService({
    DATABASE_URL: databaseUrl(database),
    GLIMPSE_DATA_DIR: newFolder(),
    GLIMPSE_LOG_LEVEL: 'trace',
    GLIMPSE_LOG_REQUESTS: 'true',
    ...credentials,
    ...settings,
  });
  await until(async () => (await fetch(`${service.url}/readyz`)).ok);
  return service;
}
