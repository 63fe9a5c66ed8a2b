import { describe, expect, it } from '@jest/globals';
import { definePlugin, type Plugin } from './contract.js';

describe('definePlugin', () => {
  it('gives back the very plugin it was given', () => {
    const plugin: Plugin<'authenticator'> = {
      kind: 'authenticator',
      contract: 1,
      create: () => ({ challenge: '', authenticate: () => Promise.resolve({ outcome: 'invalid' }) }),
    };
    expect(definePlugin(plugin)).toBe(plugin);
  });
});
