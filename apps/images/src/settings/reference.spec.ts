import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadSettings, settingNames } from './load.js';
import { Settings } from './settings.js';

const reference = readFileSync(new URL('../../../../docs/settings.md', import.meta.url), 'utf8');
const rows = [...reference.matchAll(/^\| `([a-z_.]+)`\s+\| `([A-Z_]+)`\s+\| (.*?)\s+\| (.*?)\s+\|/gm)].map(
  ([, path, variable, value, allowed]) => ({
    path: path!,
    variable: variable!,
    value: value!,
    allowed: allowed!,
  }),
);

describe('the reference of settings', () => {
  it('lists every setting with its key and its variable, and no other', () => {
    const lines = (names: { path: string; variable: string }[]): string[] =>
      names.map(({ path, variable }) => `${path} ${variable}`).sort();
    expect(lines(rows)).toEqual(lines(settingNames()));
  });

  it.each(rows)('has the default of $path', ({ path, value }) => {
    const initial = path
      .split('.')
      .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], new Settings());
    // What is said of one without a default is in words, or another setting.
    if (initial === undefined) expect(value).not.toMatch(/^`[^`A-Z]*`$|^$/);
    else expect(value).toBe(`\`${String(initial)}\``);
  });

  it.each(rows.filter(({ allowed }) => /^\d+ to \d+$/.test(allowed)))(
    'has the bounds of $path: $allowed',
    ({ variable, allowed }) => {
      const [least, most] = allowed.split(' to ').map(Number) as [number, number];
      for (const within of [least, most]) {
        expect(() => loadSettings({ [variable]: String(within) })).not.toThrow();
      }
      for (const beyond of [least - 1, most + 1]) {
        expect(() => loadSettings({ [variable]: String(beyond) })).toThrow(`from ${least} to ${most}`);
      }
    },
  );

  it.each(rows.filter(({ allowed }) => /^`[^`]+`(?:, `[^`]+`)+$/.test(allowed)))(
    'has the values that $path allows: $allowed',
    ({ variable, allowed }) => {
      const words = [...allowed.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
      const message = ((): string => {
        try {
          loadSettings({ [variable]: 'another' });
          return '';
        } catch (error) {
          return (error as Error).message;
        }
      })();
      expect(message).not.toBe('');
      for (const word of words) expect(message).toContain(word);
    },
  );
});
