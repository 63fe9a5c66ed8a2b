/** What every service protected by tokens has to do here, in any framework. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createKeystoneAuthenticator,
  loadPolicy,
  type RequestAuthenticator,
  type Policy,
  type RuleDefault,
} from '@glimpse/auth';
import { FakeKeystone } from '@glimpse/auth/testing';

/** What a service is protected with. */
export interface Protection extends RequestAuthenticator {
  readonly policy: Policy;
}

/** A running service: `GET /` returns the caller's name, `DELETE /` requires the rule `delete_image`. */
export interface Service {
  readonly url: string;
  close(): Promise<unknown>;
}

const RULES: readonly RuleDefault[] = [
  { name: 'delete_image', text: 'role:admin', description: 'Delete an image.', enforced: true },
];

function policyOfFile(): Policy {
  const file = join(mkdtempSync(join(tmpdir(), 'consumer-')), 'policy.yaml');
  writeFileSync(file, '"delete_image": "role:deleter"\n');
  return loadPolicy({ file, defaults: RULES });
}

/** Starts a service with a Keystone behind it, and sends it every request. */
export async function trial(start: (protection: Protection) => Promise<Service>): Promise<void> {
  const keystone = await FakeKeystone.start();
  keystone.addUser({ name: 'images', password: 'secret', roles: ['service'] });
  const authenticator = createKeystoneAuthenticator({
    authUrl: keystone.url,
    username: 'images',
    password: 'secret',
    projectName: 'service',
  });
  const service = await start({ authenticator, serviceType: 'image', policy: policyOfFile() });
  const scope = { kind: 'project', id: 'p1', name: 'demo' } as const;
  const send = async (method: string, token?: string): Promise<[number, string]> => {
    const headers = token === undefined ? undefined : { 'x-auth-token': token };
    const response = await fetch(service.url, { method, headers });
    return [response.status, response.headers.get('www-authenticate') ?? (await response.text())];
  };
  try {
    const reader = keystone.issue({ userName: 'ann', scope, roles: ['reader'] });
    const deleter = keystone.issue({ userName: 'bob', scope, roles: ['deleter'] });
    assert.deepEqual(await send('GET', reader), [200, 'ann']);
    assert.equal((await send('DELETE', reader))[0], 403);
    assert.deepEqual(await send('DELETE', deleter), [200, 'bob']);
    assert.deepEqual(await send('GET'), [401, `Keystone uri="${keystone.url}"`]);
    assert.deepEqual(await send('GET', 'made-up'), [401, `Keystone uri="${keystone.url}"`]);
    await keystone.close();
    assert.deepEqual(await send('GET', reader), [200, 'ann']);
    assert.equal((await send('GET', 'not-seen-before'))[0], 503);
  } finally {
    await service.close();
  }
}
