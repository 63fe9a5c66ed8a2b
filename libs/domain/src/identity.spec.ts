import { describe, expect, it } from '@jest/globals';
import { projectOf, type Identity, type Scope } from './identity.js';

function scopedTo(scope: Scope): Identity {
  return {
    userId: 'd0000000000000000000000000000001',
    userName: 'demo',
    scope,
    roles: ['member'],
    accessRules: null,
    expiresAt: null,
    service: false,
  };
}

describe('projectOf', () => {
  it('is the id of the project that a token is scoped to', () => {
    const project = { kind: 'project', id: '66c50f42ace742efaaf201e7ba0fe751', name: 'demo' } as const;
    expect(projectOf(scopedTo(project))).toBe('66c50f42ace742efaaf201e7ba0fe751');
  });

  it.each<Scope>([{ kind: 'domain', id: 'default', name: 'Default' }, { kind: 'system' }, { kind: 'none' }])(
    'is null for the scope $kind, also where that has an id',
    (scope) => {
      expect(projectOf(scopedTo(scope))).toBeNull();
    },
  );
});
