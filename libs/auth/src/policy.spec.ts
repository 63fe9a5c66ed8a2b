import { describe, expect, it } from '@jest/globals';
import type { Identity } from '@glimpse/domain';
import { PolicyRefused, enforce } from './policy.js';

function withRoles(...roles: string[]): Identity {
  return {
    userId: 'u',
    userName: 'ann',
    scope: { kind: 'project', id: 'p', name: 'p' },
    roles,
    accessRules: null,
    expiresAt: null,
    service: false,
  };
}

describe('enforce', () => {
  it.each([[['member']], [['MEMBER', 'reader']], [['admin']]])('lets the roles %j change', (roles) => {
    expect(() => enforce('modify_image', withRoles(...roles))).not.toThrow();
  });

  it.each([[['reader']], [['members', 'manager']], [[]]])(
    'refuses the roles %j, naming the rule',
    (roles) => {
      expect(() => enforce('delete_image', withRoles(...roles))).toThrow(PolicyRefused);
      expect(() => enforce('delete_image', withRoles(...roles))).toThrow(
        "Policy doesn't allow delete_image to be performed.",
      );
    },
  );
});
