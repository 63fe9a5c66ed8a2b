import { describe, expect, it } from '@jest/globals';
import type { Identity } from '@glimpse/domain';
import {
  CREDENTIAL_NAMES,
  PolicyError,
  credentialsOf,
  explanationLines,
  loadPolicy,
  type RuleDefault,
} from './index.js';

/** The rules of a service that has images. */
const RULES: readonly RuleDefault[] = [
  { name: 'context_is_admin', text: 'role:admin', description: '', enforced: true },
  { name: 'default', text: '', description: '', enforced: false },
  { name: 'get_image', text: '', description: '', enforced: true },
  { name: 'get_images', text: '', description: '', enforced: true },
  {
    name: 'modify_image',
    text: 'rule:context_is_admin or (role:member and project_id:%(project_id)s)',
    description: '',
    enforced: true,
  },
];

function identity(given: Partial<Identity> = {}): Identity {
  return {
    userId: 'u1',
    userName: 'ann',
    scope: { kind: 'project', id: 'p1', name: 'one' },
    roles: ['member'],
    accessRules: null,
    expiresAt: null,
    service: false,
    ...given,
  };
}

function policyOf(texts: Readonly<Record<string, string>>) {
  const defaults: RuleDefault[] = RULES.map((rule) => ({
    ...rule,
    text: texts[rule.name] ?? rule.text,
  }));
  for (const [name, text] of Object.entries(texts)) {
    if (!defaults.some((rule) => rule.name === name))
      defaults.push({ name, text, description: '', enforced: false });
  }
  return loadPolicy({ defaults });
}

describe('Policy', () => {
  it('explains which part of a rule decided', () => {
    const policy = loadPolicy({ defaults: RULES });
    const credentials = credentialsOf(identity({ roles: ['reader'] }));
    expect(explanationLines(policy.explain('modify_image', credentials, { project_id: 'p1' }))).toEqual([
      'refuses  rule:context_is_admin or (role:member and project_id:%(project_id)s)',
      'refuses    rule:context_is_admin',
      'refuses      role:admin: roles are "reader", wanted is "admin"',
      'refuses    role:member and project_id:%(project_id)s',
      'refuses      role:member: roles are "reader", wanted is "member"',
    ]);
  });

  it.each<[object, string, boolean]>([
    [{ project_id: 'p' }, 'project', true],
    [{ project_id: null }, 'project', true],
    [{ domain_id: 'd' }, 'domain', false],
    [{ system_scope: 'all', system: 'all' }, 'system', false],
  ])('enforces the scope of a rule, whatever its text: %j is of the %s', (scope, name, allowed) => {
    const policy = loadPolicy({
      defaults: [
        { name: 'get_images', text: '', description: '', enforced: true, scopes: ['project'] },
        { name: 'other', text: 'rule:get_images', description: '', enforced: true },
      ],
    });
    const credentials = { roles: ['admin'], ...scope };
    expect(policy.allows('get_images', credentials)).toBe(allowed);
    expect(explanationLines(policy.explain('get_images', credentials))[0]).toBe(
      allowed
        ? 'allows   @: always allows'
        : `refuses  @: the scope of the token is ${name}, wanted is project`,
    );
    expect(policy.allows('other', credentials)).toBe(true);
  });

  it('throws for a rule that it does not have', () => {
    const policy = loadPolicy({ defaults: RULES });
    expect(() => policy.allows('get_imgae', {})).toThrow(new PolicyError('there is no rule "get_imgae"'));
    expect(() => policy.explain('get_imgae', {})).toThrow(PolicyError);
    expect(() => policy.readsTarget('get_imgae')).toThrow(PolicyError);
  });

  it('knows which rules depend on their target, through others, too', () => {
    const policy = policyOf({
      get_images: 'role:reader or rule:context_is_admin or project_id:p1',
      get_image: 'not rule:public',
      public: "'public':%(visibility)s",
      other: 'role:%(role)s',
    });
    const names = ['get_images', 'get_image', 'other', 'default', 'modify_image'];
    expect(names.map((name) => policy.readsTarget(name))).toEqual([false, true, true, false, true]);
  });
});

describe('credentialsOf', () => {
  it('gives an identity by the names of oslo.context', () => {
    const none = {
      service_user_id: null,
      service_user_domain_id: null,
      service_project_id: null,
      service_project_domain_id: null,
      service_roles: [],
    };
    expect(credentialsOf(identity())).toEqual({
      user_id: 'u1',
      user_domain_id: null,
      project_id: 'p1',
      project_domain_id: null,
      domain_id: null,
      system_scope: null,
      roles: ['member'],
      is_admin_project: true,
      ...none,
    });
    const scope = { kind: 'project', id: 'p1', name: 'one', domainId: 'd1' } as const;
    expect(credentialsOf(identity({ scope, userDomainId: 'd2', isAdminProject: false }))).toMatchObject({
      user_domain_id: 'd2',
      project_domain_id: 'd1',
      is_admin_project: false,
      ...none,
    });
    expect(credentialsOf(identity({ scope: { kind: 'domain', id: 'd1', name: '' } }))).toMatchObject({
      project_id: null,
      domain_id: 'd1',
    });
    expect(credentialsOf(identity({ scope: { kind: 'system' } }))).toMatchObject({
      project_id: null,
      system_scope: 'all',
      system: 'all',
    });
  });

  it('gives the service that sent the request for its user', () => {
    const forwardedBy = {
      userId: 'nova',
      userDomainId: 'd1',
      projectId: 'service',
      projectDomainId: 'd2',
      roles: ['service'],
    };
    expect(credentialsOf(identity({ forwardedBy }))).toMatchObject({
      user_id: 'u1',
      roles: ['member'],
      service_user_id: 'nova',
      service_user_domain_id: 'd1',
      service_project_id: 'service',
      service_project_domain_id: 'd2',
      service_roles: ['service'],
    });
  });

  it('gives nothing that CREDENTIAL_NAMES does not have', () => {
    const scopes: Identity['scope'][] = [
      { kind: 'project', id: 'p', name: '' },
      { kind: 'domain', id: 'd', name: '' },
      { kind: 'system' },
      { kind: 'none' },
    ];
    const names = scopes.flatMap((scope) => Object.keys(credentialsOf(identity({ scope }))));
    expect([...new Set(names)].sort()).toEqual([...CREDENTIAL_NAMES].sort());
  });
});
