import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { describeWithKeystone, type Cloud } from '../../keystone/harness/cloud.js';
import { missingClient, openstack } from '../../keystone/harness/python-client.js';

/** A suite behind the run's Nova; it is skipped, with the reason, where that or another package is missing. */
export function describeWithNova(name: string, suite: (cloud: Cloud) => void): void {
  const service = ['nova-api', 'glance-api'].find((program) => !existsSync(`/usr/bin/${program}`));
  describeWithKeystone(name, suite, service ?? missingClient());
}

export interface ComputeResponse {
  readonly status: number;
  /** The JSON document, or an empty text. The address of the endpoint is `http://compute` in it. */
  readonly body: unknown;
}

/** A user's client of one endpoint of the Compute API. */
export class ComputeClient {
  /** @param url with `/v2.1` */
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  /** Sends any request; returns any response but 503, with which a busy service refuses one, and 203 as 200. */
  async call(path: string, version: string, method = 'GET', body?: object): Promise<ComputeResponse> {
    let response: Response;
    do {
      response = await this.#send(path, version, method, body);
    } while (response.status === 503);
    const text = (await response.text()).replaceAll(new URL(this.url).origin, 'http://compute');
    return {
      status: response.status === 203 ? 200 : response.status,
      body: text === '' ? '' : (JSON.parse(text) as unknown),
    };
  }

  #send(path: string, version: string, method: string, body?: object): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: {
        ...{ 'x-auth-token': this.token, 'openstack-api-version': `compute ${version}` },
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  }
}

/** The settings of a service that is the Glance of the run's Nova. */
export function asGlanceOf({ image }: Cloud): Record<string, string> {
  return { GLIMPSE_PORT: '0', GLIMPSE_IMAGE_PORT: new URL(image).port, GLIMPSE_IMAGE_URL: image };
}

/** Creates a flavor of 64 MiB with a disk of 1 GiB; returns its id. */
export async function createFlavor({ people }: Cloud): Promise<string> {
  const size = ['--disk=1', '--ram=64', '--vcpus=1'];
  const shown = ['-f', 'value', '-c', 'id'];
  const { stdout, stderr } = await openstack(
    people.admin.env,
    'flavor',
    'create',
    ...size,
    ...shown,
    randomUUID(),
  );
  if (stderr !== '') throw new Error(`no flavor: ${stderr}`);
  return stdout.trim();
}
