import { describe, expect, it } from '@jest/globals';
import { credentialsOf, loadPolicy } from '@glimpse/auth';
import type { Identity, Scope } from '@glimpse/domain';
import { imageRules } from './image-rules.js';
import { viewerOf as viewerOfCredentials } from './viewer.js';

const policy = loadPolicy({ defaults: imageRules('own') });
const viewerOf = (identity: Identity) => viewerOfCredentials(credentialsOf(identity), policy);

const PROJECT: Scope = { kind: 'project', id: '66c50f42ace742efaaf201e7ba0fe751', name: 'demo' };
const DOMAIN: Scope = { kind: 'domain', id: 'default', name: 'Default' };

function identity(scope: Scope, roles: string[]): Identity {
  return {
    userId: 'u',
    userName: 'ann',
    scope,
    roles,
    accessRules: null,
    expiresAt: null,
    service: false,
  };
}

describe('viewerOf', () => {
  it('acts for the project of its token', () => {
    expect(viewerOf(identity(PROJECT, ['member'])).project).toBe('66c50f42ace742efaaf201e7ba0fe751');
  });

  it.each<Scope>([DOMAIN, { kind: 'system' }, { kind: 'none' }])(
    'acts for no project with a token of the scope $kind',
    (scope) => {
      expect(viewerOf(identity(scope, ['admin']))).toEqual({ project: null, admin: true });
    },
  );

  it.each([
    [['admin'], true],
    [['member', 'ADMIN'], true],
    [['member', 'reader', 'manager', 'service'], false],
    [['administrator', 'cloud_admin', 'admin '], false],
    [[], false],
  ])('is with the roles %j an administrator: %s', (roles, admin) => {
    expect(viewerOf(identity(PROJECT, roles)).admin).toBe(admin);
  });

  it.each<[string, boolean]>([
    ['role:member', true],
    ['role:admin', false],
    ["'p1':%(project_id)s and 'p1':%(project)s", true],
    ["'u':%(user)s and not 'True':%(is_admin)s", true],
    ['user_id:u and not system_scope:all', true],
    ['user_domain_id:default and project_domain_id:%(project_domain)s', true],
    ['not user_domain_id:default', false],
    ['service_roles:service', false],
  ])('is where context_is_admin is %j an administrator: %s', (text, admin) => {
    const defaults = imageRules('own').map((rule) =>
      rule.name === 'context_is_admin' ? { ...rule, text } : rule,
    );
    const scope: Scope = { kind: 'project', id: 'p1', name: '', domainId: 'd' };
    const credentials = credentialsOf({ ...identity(scope, ['member']), userDomainId: 'default' });
    expect(viewerOfCredentials(credentials, loadPolicy({ defaults })).admin).toBe(admin);
  });
});
