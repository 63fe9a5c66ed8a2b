import { describeWithSwift } from '@glimpse/data/testing';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { startService, type Service } from '../harness/service.js';
import { AUTHORITY, OTHER_AUTHORITY, TlsProxy } from '../harness/tls-proxy.js';
import { Bucket } from './harness/bucket.js';
import { Images } from './harness/images.js';

await describeWithSwift('image data in a bucket behind TLS', (swift) => {
  const bucket = new Bucket(swift);
  const services: Service[] = [];
  let secure: TlsProxy;
  let database: string;

  beforeAll(async () => {
    database = await createDatabase('migrated');
    secure = await TlsProxy.to(swift.url);
  });
  afterAll(async () => {
    await Promise.all(services.map((service) => service.stop('SIGKILL')));
    await secure.close();
    bucket.close();
  });

  const settings = (changes: Record<string, string>, secret?: string): Record<string, string> => ({
    ...bucket.settings(secret),
    GLIMPSE_DATA_OPTIONS_ENDPOINT: secure.url,
    GLIMPSE_DATA_OPTIONS_CA_FILE: AUTHORITY,
    ...changes,
  });

  async function start(changes: Record<string, string> = {}): Promise<Images> {
    const service = await startService(database, settings(changes));
    services.push(service);
    return new Images(service);
  }

  it('is uploaded and downloaded where ca_file has the private authority', async () => {
    const images = await start();
    const id = await images.create();
    expect((await images.upload(id, Buffer.alloc(9 * 2 ** 20, 1))).status).toBe(204);
    expect((await images.download(id)).equals(Buffer.alloc(9 * 2 ** 20, 1))).toBe(true);
  });

  const untrusted = /\(UNABLE_TO_VERIFY_LEAF_SIGNATURE\): no authority of ca_file has signed/;

  it.each([
    ['another authority signed', { GLIMPSE_DATA_OPTIONS_CA_FILE: OTHER_AUTHORITY }, untrusted],
    ['is for another name', {}, /\(ERR_TLS_CERT_ALTNAME_INVALID\): .* another name than endpoint has/],
  ])(
    'goes to no service whose certificate %s, and log, health and doctor say why',
    async (_, changes, reason) => {
      // The same machine by a name that is not in the certificate.
      const other = { GLIMPSE_DATA_OPTIONS_ENDPOINT: secure.url.replace('127.0.0.1', '127.0.0.2') };
      const given = Object.keys(changes).length === 0 ? other : changes;
      const { secured } = secure;
      const images = await start(given);
      const id = await images.create();
      expect((await images.upload(id, Buffer.from('x'))).status).toBe(502);
      expect(await images.statusOf(id)).toBe('queued');
      await until(() => images.service.log().includes('"event":"store-unavailable"'));
      expect(images.service.log()).toMatch(reason);
      expect(await (await fetch(`${images.service.url}/healthz`)).json()).toMatchObject({
        details: { store: { status: 'down' } },
      });
      const { stdout } = await glimpse(['doctor'], {
        ...settings(given),
        DATABASE_URL: databaseUrl(database),
      });
      expect(stdout).toMatch(/^FAIL.*store/im);
      expect(stdout).toMatch(reason);
      expect(secure.secured).toBe(secured);
    },
  );

  it('is refused with wrong keys, and the doctor names their files', async () => {
    const env = { ...settings({}, 'wrong'), DATABASE_URL: databaseUrl(database) };
    const { stdout } = await glimpse(['doctor'], env);
    expect(stdout).toMatch(
      /\(SignatureDoesNotMatch\): access_key_file and secret_key_file do not belong together/,
    );
  });
});
