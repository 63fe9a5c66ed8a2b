import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf, type Person } from '../harness/catalogue.js';
import { glimpse } from '../harness/command.js';
import { newFolder, startService, type Service } from '../harness/service.js';

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

async function request(
  person: string,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; body: unknown }> {
  const url = path.startsWith('http') ? path : `${service!.url}/v2.1/images${path}`;
  const response = await fetch(url, { ...init, headers: { 'x-auth-token': person } });
  return { status: response.status, body: JSON.parse((await response.text()) || 'null') };
}

const refusal = (rule: string): object => ({
  status: 403,
  body: { forbidden: { code: 403, message: `Policy doesn't allow ${rule} to be performed.` } },
});

const NOT_FOUND = { status: 404, body: { itemNotFound: { code: 404, message: 'Image not found.' } } };

describe('a policy file', () => {
  it('hides images by their attributes: 404 by id, as in Glance, and absent from lists, whose pages stay full', async () => {
    await startWith({ get_image: "'gold':%(tier)s" });
    expect((await request('member', `/${ids[0]}`)).status).toBe(200);
    expect(await request('member', `/${ids[1]}`)).toEqual(NOT_FOUND);
    expect(await request('member', `/${ids[1]}/metadata`)).toEqual(NOT_FOUND);

    const seen: string[][] = [];
    for (let url: string | undefined = '?limit=4'; url !== undefined;) {
      const { body } = (await request('member', url)) as {
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
    expect(await request('auditor', '')).toEqual(refusal('get_images'));
    expect((await request('member', '')).status).toBe(200);
    expect(await request('member', `/${ids[0]}`, { method: 'DELETE' })).toEqual(refusal('delete_image'));
    const change = { method: 'POST', body: '{"metadata":{}}' };
    expect(await request('member', `/${ids[0]}/metadata`, change)).toEqual(refusal('modify_image'));
    expect((await request('auditor', `/${ids[0]}/metadata`, change)).status).toBe(200);
  });

  it('with a rule that does not depend on the image empties every list', async () => {
    await startWith({ get_image: 'role:auditor' });
    expect(await request('member', '')).toEqual({ status: 200, body: { images: [] } });
    expect(await request('member', `/${ids[0]}`)).toEqual(NOT_FOUND);
    expect((await request('auditor', `/${ids[0]}`)).status).toBe(200);
  });

  it.each([
    ['rule:nowhere', /nowhere/],
    ['role:member and', /get_image/],
    ['https://example.com/policy', /https/],
    ['not project_domain:default', /"get_image".*"project_domain:default".*project_domain_id/],
  ])('stops the start when it contains %s', async (text, reason) => {
    const file = policyFile({ get_image: text });
    const { code, stderr } = await glimpse(['serve'], {
      GLIMPSE_POLICY_FILE: file,
      GLIMPSE_DATA_DIR: newFolder(),
      GLIMPSE_PORT: '0',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(stderr).toContain(file);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('a policy file of Glance', () => {
  it('lets a caller list images by the rule that checks the caller’s own project', async () => {
    await startWith({ get_images: 'role:admin or (role:member and project_id:%(project_id)s)' });
    expect((await request('member', '')).status).toBe(200);
    expect(await request('auditor', '')).toEqual(refusal('get_images'));
  });

  it('refers to any rule that Glance has, and stops no start by one that nothing here enforces', async () => {
    const rules = {
      add_image_location: 'rule:service_api',
      fetch_image_location: 'rule:service_api or rule:set_image_location',
      set_image_location: 'rule:no_such_rule',
      get_images: 'not rule:service_api',
    };
    await startWith(rules);
    expect((await request('member', '')).status).toBe(200);
    const warning = service!
      .log()
      .split('\n')
      .find((line) => line.includes('policy-rule-unsound'));
    expect(JSON.parse(warning!)).toMatchObject({
      level: 'warn',
      rule: 'set_image_location',
      problem: 'rule:no_such_rule is defined nowhere',
    });
  });

  it('checks the domains of the caller', async () => {
    await startWith({ get_images: 'not user_domain_id:default', get_image: 'project_domain_id:default' });
    expect(await request('member', '')).toEqual(refusal('get_images'));
    expect((await request('member', `/${ids[0]}`)).status).toBe(200);
  });
});

describe('glimpse policy', () => {
  const identity = (roles: string[]): string =>
    JSON.stringify({ user_id: 'u', user_name: 'ann', project_id: PROJECT, roles });

  it('lists every rule with its origin and whether it is enforced', async () => {
    const file = policyFile({ get_images: 'role:member', manage_image_cache: 'role:admin' });
    const { code, stdout } = await glimpse(['policy', 'list'], { GLIMPSE_POLICY_FILE: file });
    expect(code).toBe(0);
    expect(stdout).toContain(`get_images: "role:member"  # ${file}\n`);
    expect(stdout).toContain(`manage_image_cache: "role:admin"  # ${file}  # unused\n`);
    expect(stdout).toContain('context_is_admin: "role:admin"  # built-in\n');
  });

  it('names the part of a rule that decided', async () => {
    const check = (roles: string[]): ReturnType<typeof glimpse> =>
      glimpse(
        [
          'policy',
          'check',
          '--rule',
          'modify_image',
          '--identity',
          identity(roles),
          '--image',
          JSON.stringify(documents[0]),
        ],
        {},
      );
    const allowed = await check(['member']);
    expect(allowed).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^allows .*\n(?:.*\n)*allows +role:member/),
    });
    const refused = await check(['reader']);
    expect(refused).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^refuses .*\n(?:.*\n)*refuses +role:member/),
    });
  });

  it('checks a rule against a document without times', async () => {
    const document = { id: ids[0], status: 'active', visibility: 'public', owner: PROJECT };
    const args = ['--rule', 'modify_image', '--identity', identity(['member'])];
    const checked = await glimpse(['policy', 'check', ...args, '--image', JSON.stringify(document)], {});
    expect(checked).toMatchObject({ code: 0, stderr: '' });
  });

  it('checks get_images against the caller’s own project', async () => {
    const file = policyFile({ get_images: 'project_id:%(project_id)s' });
    const args = ['--rule', 'get_images', '--identity', identity([])];
    expect((await glimpse(['policy', 'check', ...args], { GLIMPSE_POLICY_FILE: file })).code).toBe(0);
  });

  it('prints a sample that is a policy file', async () => {
    const { stdout } = await glimpse(['policy', 'sample'], {});
    const file = join(newFolder(), 'policy.yaml');
    writeFileSync(file, stdout.replace(/^#(\w+:)/gm, '$1'));
    const { code, stdout: listed } = await glimpse(['policy', 'list'], { GLIMPSE_POLICY_FILE: file });
    expect(code).toBe(0);
    expect(listed).toContain(
      `modify_image: "rule:context_is_admin or (role:member and project_id:%(project_id)s)"  # ${file}`,
    );
  });

  it.each([
    [['--rule', 'nosuch', '--identity', identity([])], /no rule "nosuch"/],
    [['--rule', 'get_image', '--identity', '{"roles": 1}'], /identity 1/],
    [
      ['--rule', 'get_image', '--identity', 'no/such/file'],
      /--identity = "no\/such\/file" is neither JSON nor a file of it/,
    ],
    [['--rule', 'get_image', '--identity', identity([]), '--image', '{"id": 1}'], /status is missing/],
  ])('refuses %j with one line', async (args, reason) => {
    const { code, stderr } = await glimpse(['policy', 'check', ...args], {});
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(stderr).not.toContain('    at ');
  });
});
