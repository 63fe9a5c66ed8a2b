import {
  endpointName,
  findEndpoint,
  type Endpoint,
  type ServiceCredentials,
  type ServiceToken,
} from '@glimpse/auth';
import { SourceUnavailable } from '@glimpse/domain';
import type { HttpResponse } from '@glimpse/http-client';
import { createGlanceClient, type GlanceClient, type GlanceRequest } from './glance-client.js';
import type { GlanceOptions } from './options.js';
import { UserToken } from './user-token.js';
import { VIA } from './via.js';

/** A request to the Image API. */
export interface Request extends Omit<GlanceRequest, 'url' | 'headers'> {
  /** It begins after the version, and is sent unchanged. */
  readonly path: string;
  /** Whether the path has no version before it. */
  readonly isUnversioned?: boolean;
}

/**
 * Requests to a Glance: with the token of the reader, who is an administrator there, or with a caller's. The two
 * never go together, because Glance adds the roles of a service token to the caller's.
 */
export class Session {
  readonly reader: UserToken;
  /** The user whose token is sent beside a caller's. */
  readonly serviceUser: UserToken | undefined;
  readonly #client: GlanceClient;
  #url: string | undefined;

  constructor(
    private readonly options: GlanceOptions,
    reader: ServiceCredentials,
    serviceUser?: ServiceCredentials,
  ) {
    this.reader = new UserToken(reader);
    this.serviceUser = serviceUser && new UserToken(serviceUser);
    this.#client = createGlanceClient(options);
    this.#url = options.url && baseOf(options.url);
  }

  /** Glance's URL without the version; undefined before it is known from a catalog. */
  get url(): string | undefined {
    return this.#url;
  }

  /**
   * Sends a request as the reader.
   *
   * @returns 401 only when Glance does not accept a new token either
   * @throws {SourceUnavailable}
   */
  send(request: Request): Promise<HttpResponse> {
    return this.#renewing(this.reader, ({ token, catalog }) =>
      this.#send(request, catalog, { 'x-auth-token': token }),
    );
  }

  /**
   * Sends a request as a caller, with their token alone. Where Glance does not accept that (it has access rules
   * that name no path of Glance, or has just expired), sends it once more with the service user's beside it.
   *
   * @throws {SourceUnavailable}
   */
  async sendAs(callerToken: string, request: Request): Promise<HttpResponse> {
    const alone = await this.sendAlone(callerToken, request);
    return alone.status === 401 && this.serviceUser ? this.sendBeside(callerToken, request) : alone;
  }

  /**
   * Sends a request with a token alone.
   *
   * @throws {SourceUnavailable}
   */
  async sendAlone(token: string, request: Request): Promise<HttpResponse> {
    const { catalog } = await this.reader.get();
    return this.#send(request, catalog, { 'x-auth-token': token });
  }

  /**
   * Sends a request with a caller's token and the service user's beside it.
   *
   * @throws {SourceUnavailable} also where that user is an administrator at Glance
   */
  async sendBeside(callerToken: string, request: Request): Promise<HttpResponse> {
    if (!this.serviceUser) throw new SourceUnavailable('there is no service user');
    const { catalog } = await this.reader.get();
    return this.#renewing(this.serviceUser, (service) => {
      this.#refuseAdministrator(service);
      return this.#send(request, catalog, {
        'x-auth-token': callerToken,
        'x-service-token': service.token,
      });
    });
  }

  /**
   * The roles of the reader as Keystone knows them now.
   *
   * @throws {SourceUnavailable}
   */
  async roles(): Promise<readonly string[]> {
    const { roles, catalog } = await this.reader.confirmed();
    this.#endpoint(catalog);
    return roles;
  }

  #refuseAdministrator({ roles }: ServiceToken): void {
    const { adminRole } = this.options;
    if (!hasRole(roles, adminRole)) return;
    throw new SourceUnavailable(
      `the service user has the role ${adminRole}, which a caller would have at Glance with its token`,
    );
  }

  async #renewing(
    user: UserToken,
    send: (token: ServiceToken) => Promise<HttpResponse>,
  ): Promise<HttpResponse> {
    const token = await user.get();
    const response = await send(token);
    if (response.status !== 401) return response;
    const other = await user.insteadOf(token);
    return other ? send(other) : response;
  }

  #send(
    { path, isUnversioned, method, body, signal, withoutLongStrings }: Request,
    catalog: readonly Endpoint[],
    tokens: Readonly<Record<string, string>>,
  ): Promise<HttpResponse> {
    return this.#client({
      method,
      url: `${this.#endpoint(catalog)}${isUnversioned ? '' : '/v2'}${path}`,
      headers: {
        via: VIA,
        ...(body !== undefined && { 'content-type': 'application/openstack-images-v2.1-json-patch' }),
        ...tokens,
      },
      ...(body !== undefined && { body }),
      signal,
      withoutLongStrings,
    });
  }

  #endpoint(catalog: readonly Endpoint[]): string {
    if (this.options.url !== undefined) return this.#url!;
    const { interface: wanted, region } = this.options;
    const filter = { type: 'image', interface: wanted, region };
    const endpoint = findEndpoint(catalog, filter);
    if (!endpoint) throw new SourceUnavailable(`Keystone's catalog has no ${endpointName(filter)}`);
    return (this.#url = baseOf(endpoint.url));
  }
}

/** Whether a role is among others; case does not matter. */
export function hasRole(roles: readonly string[], role: string): boolean {
  return roles.some((each) => each.toLowerCase() === role.toLowerCase());
}

/** The base of Glance's API at a URL that may name the version already. */
function baseOf(url: string): string {
  return url.replace(/\/+$/, '').replace(/\/v2$/, '').replace(/\/+$/, '');
}
