import type { IncomingHttpHeaders } from 'node:http';

/** Nova's `[cors]` options; lists are separated by commas. */
export interface CorsOptions {
  readonly allowed_origin?: string;
  readonly allow_credentials: boolean;
  readonly expose_headers?: string;
  readonly max_age: number;
  readonly allow_methods: string;
  readonly allow_headers?: string;
}

type Headers = Record<string, string>;

/** Request headers that are always allowed, as in oslo.middleware. */
const SIMPLE_HEADERS = [
  'accept',
  'accept-language',
  'content-type',
  'cache-control',
  'content-language',
  'expires',
  'last-modified',
  'pragma',
];

/** Nova's defaults: the headers that a page may read, and those it may send. */
const NOVA_EXPOSES =
  'X-Auth-Token,X-Openstack-Request-Id,X-Subject-Token,X-Service-Token,X-OpenStack-Nova-API-Version,OpenStack-API-Version';
const NOVA_ALLOWS =
  'X-Auth-Token,X-Openstack-Request-Id,X-Identity-Status,X-Roles,X-Service-Catalog,X-User-Id,X-Tenant-Id,' +
  'X-OpenStack-Nova-API-Version,OpenStack-API-Version';

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Cross-origin resource sharing, with the options and the behaviour of oslo.middleware, which Nova uses. */
export class Cors {
  readonly #origins: ReadonlySet<string>;
  readonly #methods: ReadonlySet<string>;
  readonly #headers: ReadonlySet<string>;
  readonly #exposed: string;

  private constructor(
    allowedOrigin: string,
    private readonly options: CorsOptions,
  ) {
    this.#origins = new Set(list(allowedOrigin));
    this.#methods = new Set(list(options.allow_methods));
    this.#headers = new Set([
      ...SIMPLE_HEADERS,
      ...list(options.allow_headers ?? NOVA_ALLOWS).map((name) => name.toLowerCase()),
    ]);
    this.#exposed = list(options.expose_headers ?? NOVA_EXPOSES).join(',');
  }

  /** Undefined where no origin is allowed. */
  static of(options: CorsOptions): Cors | undefined {
    return options.allowed_origin === undefined ? undefined : new Cors(options.allowed_origin, options);
  }

  /** The CORS headers of a response; none for an origin that is not allowed. */
  responseHeaders({ origin }: IncomingHttpHeaders): Headers {
    const allowed = this.#originHeaders(origin);
    return allowed && this.#exposed !== ''
      ? { ...allowed, 'access-control-expose-headers': this.#exposed }
      : (allowed ?? {});
  }

  /** The CORS headers of the response to a preflight request. */
  preflightHeaders(headers: IncomingHttpHeaders): Headers {
    const allowed = this.#originHeaders(headers.origin);
    const method = headers['access-control-request-method'];
    if (!allowed || method === undefined || !this.#methods.has(method)) return {};
    const wanted = list(headers['access-control-request-headers'] ?? '');
    if (!wanted.every((name) => this.#headers.has(name.toLowerCase()))) return {};
    const { max_age } = this.options;
    return {
      ...allowed,
      ...(max_age > 0 && { 'access-control-max-age': String(max_age) }),
      'access-control-allow-methods': method,
      ...(wanted.length > 0 && { 'access-control-allow-headers': wanted.join(',') }),
    };
  }

  #originHeaders(origin: string | undefined): Headers | undefined {
    if (origin === undefined) return undefined;
    const allowed = this.#origins.has(origin) ? origin : this.#origins.has('*') ? '*' : undefined;
    if (allowed === undefined) return undefined;
    return {
      'access-control-allow-origin': allowed,
      ...(this.options.allow_credentials && { 'access-control-allow-credentials': 'true' }),
    };
  }
}
