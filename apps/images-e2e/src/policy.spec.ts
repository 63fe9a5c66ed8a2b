import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf, type Person } from './harness/catalogue.js';
import { glimpse } from './harness/command.js';
import { newFolder, startService, type Service } from './harness/service.js';

const PROJECT = 'a'.repeat(32);
const PEOPLE: Record<string, Person> = {
  member: { project_id: PROJECT, roles: ['member'] },
  auditor: { project_id: PROJECT, roles: ['auditor'] },
};

const ids = Array.from({ length: 30 }, (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);
const documents = ids.map((id, n) => ({
  id,
  name: `image ${n}`,
  status: 'active',
  visibility: 'public',
  owner: PROJECT,
  created_at: new Date(Date.UTC(2026, 0, 1, 0, 60 - n)).toISOString(),
  tier: n % 3 === 0 ? 'gold' : 'tin',
}));
const gold = documents.filter(({ tier }) => tier === 'gold').map(({ id }) => id);

let database: string;
beforeAll(async () => {
  database = await createCatalogue({ images: documents });
});

let service: Service | undefined;
afterEach(() => service?.stop());

function policyFile(rules: Record<string, string>): string {
  const file = join(newFolder(), 'policy.json');
  writeFileSync(file, JSON.stringify(rules));
  return file;
}

async function startWith(rules: Record<string, string>): Promise<void> {
  service = await startService(database, { ...settingsOf(PEOPLE), GLIMPSE_POLICY_FILE: policyFile(rules) });
}

async function ask(
  person: string,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; body: unknown }> {
  const url = path.startsWith('http') ? path : `${service!.url}/v2.1/images${path}`;
  const answer = await fetch(url, { ...init, headers: { 'x-auth-token': person } });
  return { status: answer.status, body: JSON.parse((await answer.text()) || 'null') };
}

const refusal = (rule: string): object => ({
  status: 403,
  body: { forbidden: { code: 403, message: `Policy doesn't allow ${rule} to be performed.` } },
});

describe('a policy file', () => {
  it('refuses images by what they are: 403 by id, and not there in lists, whose pages stay full', async () => {
    await startWith({ get_image: "'gold':%(tier)s" });
    expect((await ask('member', `/${ids[0]}`)).status).toBe(200);
    expect(await ask('member', `/${ids[1]}`)).toEqual(refusal('get_image'));
    expect(await ask('member', `/${ids[1]}/metadata`)).toEqual(refusal('get_image'));

    const seen: string[][] = [];
    for (let url: string | undefined = '?limit=4'; url !== undefined;) {
      const { body } = (await ask('member', url)) as {
        body: { images: { id: string }[]; images_links?: { href: string }[] };
      };
      seen.push(body.images.map(({ id }) => id));
      url = body.images_links?.[0]?.href;
    }
    expect(seen.map(({ length }) => length)).toEqual([4, 4, 2]);
    expect(seen.flat()).toEqual(gold);
  });

  it('refuses by role what a role may not do', async () => {
    await startWith({ get_images: 'role:member', delete_image: '!', modify_image: 'role:auditor' });
    expect(await ask('auditor', '')).toEqual(refusal('get_images'));
    expect((await ask('member', '')).status).toBe(200);
    expect(await ask('member', `/${ids[0]}`, { method: 'DELETE' })).toEqual(refusal('delete_image'));
    const change = { method: 'POST', body: '{"metadata":{}}' };
    expect(await ask('member', `/${ids[0]}/metadata`, change)).toEqual(refusal('modify_image'));
    expect((await ask('auditor', `/${ids[0]}/metadata`, change)).status).toBe(200);
  });

  it('of a rule that does not look at the image leaves all of a list out', async () => {
    await startWith({ get_image: 'role:auditor' });
    expect(await ask('member', '')).toEqual({ status: 200, body: { images: [] } });
    expect(await ask('member', `/${ids[0]}`)).toEqual(refusal('get_image'));
    expect((await ask('auditor', `/${ids[0]}`)).status).toBe(200);
  });

  it.each([
    ['rule:nowhere', /nowhere/],
    ['role:member and', /get_image/],
    ['https://example.com/policy', /https/],
  ])('stops the start when it says %s', async (text, reason) => {
    const file = policyFile({ get_image: text });
    const { code, stderr } = await glimpse(['serve'], {
      GLIMPSE_POLICY_FILE: file,
      GLIMPSE_DATA_DIR: newFolder(),
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(stderr).toContain(file);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
