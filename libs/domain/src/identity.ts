/** The scope of a token: one project, one domain, the whole system, or none. */
export type Scope =
  | {
      readonly kind: 'project';
      readonly id: string;
      readonly name: string;
      /** The id of the project's domain; absent where the authenticator does not know it. */
      readonly domainId?: string;
    }
  | { readonly kind: 'domain'; readonly id: string; readonly name: string }
  | { readonly kind: 'system' }
  | { readonly kind: 'none' };

/** An access rule of an application credential, as Keystone has it. */
export interface AccessRule {
  /** The type of the service that it allows, such as `compute`. */
  readonly service: string;
  readonly method: string;
  /** A path in which `*` and `{name}` match one segment and `**` any number. */
  readonly path: string;
}

/** A service that sends a request for its user, by the token that it sends beside the user's. */
export interface ForwardingService {
  readonly userId: string;
  readonly userDomainId?: string;
  readonly projectId: string | null;
  readonly projectDomainId?: string;
  readonly roles: readonly string[];
}

/** The caller, as an authenticator reads it from a token. */
export interface Identity {
  readonly userId: string;
  readonly userName: string;
  /** The id of the user's domain; absent where the authenticator does not know it. */
  readonly userDomainId?: string;
  readonly scope: Scope;
  readonly roles: readonly string[];
  /** Null: unrestricted. An empty list: restricted to nothing. */
  readonly accessRules: readonly AccessRule[] | null;
  /** Null: it does not expire. */
  readonly expiresAt: Date | null;
  /** Whether it belongs to a service of the cloud, by its roles. */
  readonly service: boolean;
  /** Whether Keystone calls its project the administrators' one; left out: yes, as in oslo.context. */
  readonly isAdminProject?: boolean;
  /** The service that sent the request for this user; left out where the user sent it. */
  readonly forwardedBy?: ForwardingService;
}

/** The project of an identity; null when its scope is not a project. */
export function projectOf(identity: Identity): string | null {
  return identity.scope.kind === 'project' ? identity.scope.id : null;
}
