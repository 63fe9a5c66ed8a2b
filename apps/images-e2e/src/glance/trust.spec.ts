import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { authenticate, byPassword, callKeystone, ownProject, type Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient, emptyGlance } from './harness/glance-client.js';
import { withGlanceSettings } from './harness/glance-process.js';
import { Mirror, byCredential, withImageApi } from './harness/mirror.js';

function suite(cloud: Cloud): void {
  const { glimpse } = cloud.people;
  let mirror: Mirror;

  beforeAll(async () => {
    await emptyGlance(cloud);
    mirror = await Mirror.start(cloud);
    await mirror.isCaughtUp();
  }, 90_000);
  afterAll(async () => mirror?.stop(), 30_000);

  it('finds nothing wrong with a Glance that accepts its token beside others, and leaves nothing in Keystone', async () => {
    const token = await authenticate(cloud.authUrl, byPassword(glimpse), ownProject(glimpse));
    const owned = async (): Promise<string[]> => {
      const kinds = ['application_credentials', 'access_rules'];
      const responses = kinds.map(async (kind) => {
        const response = await callKeystone(`${cloud.authUrl}/users/${glimpse.userId}/${kind}`, 'GET', token);
        const { [kind]: all } = (await response.json()) as Record<string, { id: string }[]>;
        return all!.map(({ id }) => id);
      });
      return (await Promise.all(responses)).flat();
    };
    const before = await owned();
    expect(await mirror.followWith('--check')).toEqual({ code: 0, stdout: 'no differences\n', stderr: '' });
    expect(await owned()).toEqual(before);
  }, 60_000);

  it.each([
    ['service_type', /^service_type = .*$/m, ''],
    ['service_token_roles', /^service_token_roles = .*$/m, 'service_token_roles = mesh'],
  ])(
    'names %s where Glance does not',
    async (option, line, instead) => {
      await withGlanceSettings(
        cloud,
        (settings) => settings.replace(line, instead),
        async () => {
          const { code, stdout } = await mirror.followWith('--check');
          expect(code).toBe(1);
          expect(stdout).toMatch(new RegExp(`^the source refuses changes from here: .*\\b${option}\\b`, 'm'));
          expect(stdout).toMatch(/^no differences$/m);
        },
      );
    },
    120_000,
  );

  it('names the defaults of Glance’s policy where those here differ', async () => {
    const { code, stdout } = await mirror.followWith('--check', { GLIMPSE_POLICY_DEFAULTS: 'current' });
    expect([code, stdout]).toEqual([
      1,
      'the source lists images to a token with only the role service, and this service would refuse them: ' +
        "set policy.defaults = legacy, or use the source's own policy file\nno differences\n",
    ]);
  }, 60_000);

  it('reports that it could not test that without a service user', async () => {
    const { code, stdout } = await mirror.followWith('--check', await byCredential(cloud));
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^whether the source accepts changes from here could not be tested: there is no service user.*\nwhether the source lists images .*\nno differences\n$/,
      ),
    ]);
  }, 60_000);

  it('names what Glance shows of where data is, and this service does not', async () => {
    const demo = await GlanceClient.as(cloud, cloud.people.demo);
    await demo.createActive();
    // Without a service user, whose token is waited for.
    const served = {
      ...(await byCredential(cloud)),
      ...withImageApi(cloud),
    };
    const hidden = async (settings: object = {}): Promise<string[]> => {
      const { stdout } = await mirror.followWith('--check', { ...served, ...settings });
      return stdout.split('\n').filter((line) => line.startsWith('the source shows '));
    };
    expect(await hidden()).toEqual([]);
    await withGlanceSettings(
      cloud,
      (settings) =>
        settings.replace(
          '[DEFAULT]',
          '[DEFAULT]\nshow_image_direct_url = true\nshow_multiple_locations = true',
        ),
      async () => {
        expect(await hidden()).toEqual([
          'the source shows direct_url of images, and this service does not: set image.show_direct_url = on',
          'the source shows locations of images, and this service does not: set image.show_locations = on',
        ]);
        const shown = { GLIMPSE_IMAGE_SHOW_DIRECT_URL: 'on', GLIMPSE_IMAGE_SHOW_LOCATIONS: 'on' };
        expect(await hidden(shown)).toEqual([]);
        expect(await hidden({ GLIMPSE_IMAGE_PORT: 'off' })).toEqual([]);
      },
    );
  }, 120_000);
}

describeWithGlance('the command that checks a mirror tests whether Glance accepts changes from here', suite);
