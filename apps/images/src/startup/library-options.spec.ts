import { KeystoneOptions, createKeystoneAuthenticator } from '@glimpse/auth';
import { GlanceOptions } from '@glimpse/glance';
import { describe, expect, it } from '@jest/globals';
import { loadSettings } from '../settings/load.js';
import { Settings } from '../settings/settings.js';
import { keystoneOptionName, keystoneOptions } from './keystone.js';

/** Names of the library's options in code, and of its settings in YAML, each have their own convention. */
describe('a setting that is an option of a library', () => {
  const settings = new Settings();
  const options = new KeystoneOptions();
  const given = keystoneOptions(settings as Parameters<typeof keystoneOptions>[0]);
  const numbers = (Object.keys(options) as (keyof KeystoneOptions)[]).filter(
    (option) => typeof options[option] === 'number',
  );

  it('has its default', () => {
    expect(given).toMatchObject({ ...options });
    const { interface: endpoint, adminRole, connectTimeout, timeout } = new GlanceOptions();
    expect(settings.glance).toMatchObject({
      interface: endpoint,
      admin_role: adminRole,
      connect_timeout: connectTimeout,
      timeout,
    });
  });

  it.each(numbers)('has its bounds: %s', (option) => {
    const credentials = { authUrl: 'http://keystone', username: 'a', password: 'b', projectName: 'c' };
    const bounds = (use: () => unknown): string | undefined => {
      try {
        use();
      } catch (error) {
        return /a whole number from \d+ to \d+/.exec((error as Error).message)?.[0];
      }
      return undefined;
    };
    const ofSetting = bounds(() => loadSettings({ [keystoneOptionName(option)]: '-1' }));
    expect(ofSetting).toBeDefined();
    expect(bounds(() => createKeystoneAuthenticator({ ...credentials, [option]: -1 }))).toBe(ofSetting);
  });
});
