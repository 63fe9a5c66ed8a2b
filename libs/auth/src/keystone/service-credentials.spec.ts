import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeKeystone } from '../testing/index.js';
import { KeystoneUnavailable } from './errors.js';
import { createServiceCredentials, type ServiceCredentials } from './service-credentials.js';

describe('the credentials of a service', () => {
  const user = { username: 'images', password: 'secret', projectName: 'service' };
  let keystone: FakeKeystone;
  let credentials: ServiceCredentials;

  beforeEach(async () => {
    keystone = await FakeKeystone.start();
    keystone.addUser({ name: 'images', password: 'secret', project: 'service', roles: ['service', 'admin'] });
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

  it.each([
    ['by name', { userDomainName: 'Default', projectDomainName: 'Default' }],
    ['by id', { userDomainId: 'default', projectDomainId: 'default' }],
    ['one by name, one by id', { userDomainName: 'Default', projectDomainId: 'default' }],
    ['by id where both are given', { userDomainId: 'default', userDomainName: 'Other' }],
  ])('are those of a user and a project whose domains are given %s', async (_how, domains) => {
    const named = createServiceCredentials({ authUrl: keystone.url, ...user, ...domains });
    expect((await named.token()).roles).toEqual(['service', 'admin']);
  });

  it.each(['userDomainName', 'userDomainId', 'projectDomainName', 'projectDomainId'])(
    'are refused where %s is another',
    async (option) => {
      const named = createServiceCredentials({ authUrl: keystone.url, ...user, [option]: 'Other' });
      await expect(named.token()).rejects.toThrow(KeystoneUnavailable);
    },
  );

  it('have the current roles, requested each time', async () => {
    expect((await credentials.confirmed()).roles).toEqual(['service', 'admin']);
    expect((await credentials.confirmed()).roles).toEqual(['service', 'admin']);
    expect(keystone.callsOf('validations')).toHaveLength(2);
    expect(keystone.callsOf('authentications')).toHaveLength(1);
  });

  it('have them by a new token where the old one has expired', async () => {
    await credentials.token();
    keystone.expireServiceTokens();
    expect((await credentials.confirmed()).roles).toEqual(['service', 'admin']);
    expect(keystone.callsOf('authentications')).toHaveLength(2);
  });

  it('have no roles while Keystone is unavailable', async () => {
    await credentials.token();
    keystone.behave({ status: 503 }, 'validations');
    await expect(credentials.confirmed()).rejects.toThrow(KeystoneUnavailable);
  });

  describe('by a restricted token', () => {
    const RULE = { service: 'compute', method: 'GET', path: '/v2.1/images' };

    it('try what others make of it, and leave nothing behind', async () => {
      const [call, endsIn] = await credentials.withRestrictedToken(
        { accessRules: [RULE] },
        async (restricted) => {
          expect(keystone.applicationCredentials.ids).toHaveLength(1);
          const headers = {
            'x-auth-token': (await credentials.token()).token,
            'x-subject-token': restricted.token,
            'openstack-identity-access-rules': '1.0',
          };
          const answer = await fetch(`${keystone.url}/v3/auth/tokens`, { headers });
          return [(await answer.json()) as { token: { application_credential: object } }, restricted.endsIn];
        },
      );
      expect(call.token.application_credential).toMatchObject({ access_rules: [RULE] });
      expect(endsIn).toBeGreaterThan(0);
      expect(endsIn).toBeLessThanOrEqual(5_000);
      expect(keystone.applicationCredentials).toEqual({ ids: [], accessRules: [] });
    });

    it('leave nothing behind where that fails, either', async () => {
      const failed = credentials.withRestrictedToken({ accessRules: [RULE] }, () =>
        Promise.reject(new Error('no')),
      );
      await expect(failed).rejects.toThrow('no');
      expect(keystone.applicationCredentials).toEqual({ ids: [], accessRules: [] });
    });

    it('leave an access rule that something else needs', async () => {
      const other = { id: 'f'.repeat(32), secret: 'x', user: 'images', accessRules: [RULE] };
      keystone.addApplicationCredential(other);
      await credentials.withRestrictedToken({ accessRules: [RULE] }, async () => undefined);
      expect(keystone.applicationCredentials).toEqual({ ids: [other.id], accessRules: [RULE] });
    });

    it('have only the roles that are wanted', async () => {
      const document = await credentials.withRestrictedToken({ roles: ['service'] }, async ({ token }) => {
        const headers = { 'x-auth-token': token, 'x-subject-token': token };
        return (await fetch(`${keystone.url}/v3/auth/tokens`, { headers })).json();
      });
      expect(document).toMatchObject({ token: { roles: [{ name: 'service' }] } });
      expect(document).not.toHaveProperty('token.roles.1');
      expect(keystone.applicationCredentials).toEqual({ ids: [], accessRules: [] });
    });

    it('get none where they are an application credential themselves', async () => {
      keystone.addApplicationCredential({ id: 'e'.repeat(32), secret: 'x', user: 'images' });
      const own = { applicationCredentialId: 'e'.repeat(32), applicationCredentialSecret: 'x' };
      const others = createServiceCredentials({ authUrl: keystone.url, ...own });
      const created = others.withRestrictedToken({ accessRules: [RULE] }, async () => undefined);
      await expect(created).rejects.toMatchObject({ code: 'credential-forbidden' });
    });
  });
});
