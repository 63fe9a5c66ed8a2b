import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeKeystone } from '../testing/index.js';
import { CannotAsk } from './cannot-ask.js';
import { createServiceCredentials, type ServiceCredentials } from './service-credentials.js';

describe('the credentials of a service', () => {
  let keystone: FakeKeystone;
  let credentials: ServiceCredentials;

  beforeEach(async () => {
    keystone = await FakeKeystone.start();
    keystone.addUser({ name: 'images', password: 'secret', project: 'service', roles: ['service', 'admin'] });
    const user = { username: 'images', password: 'secret', projectName: 'service' };
    credentials = createServiceCredentials({ authUrl: keystone.url, ...user });
  });

  afterEach(() => keystone.close());

  it('give one token to all, until it is dropped', async () => {
    const first = await credentials.token();
    expect(first.roles).toEqual(['service', 'admin']);
    expect(await credentials.token()).toBe(first);
    credentials.drop(first);
    expect((await credentials.token()).token).not.toBe(first.token);
  });

  it('say which roles there are now, each time by asking', async () => {
    expect((await credentials.confirmed()).roles).toEqual(['service', 'admin']);
    expect((await credentials.confirmed()).roles).toEqual(['service', 'admin']);
    expect(keystone.callsOf('validations')).toHaveLength(2);
    expect(keystone.callsOf('authentications')).toHaveLength(1);
  });

  it('say so by a new token where the old one is over', async () => {
    await credentials.token();
    keystone.expireServiceTokens();
    expect((await credentials.confirmed()).roles).toEqual(['service', 'admin']);
    expect(keystone.callsOf('authentications')).toHaveLength(2);
  });

  it('say nothing while Keystone cannot be asked', async () => {
    await credentials.token();
    keystone.behave({ status: 503 }, 'validations');
    await expect(credentials.confirmed()).rejects.toThrow(CannotAsk);
  });
});
