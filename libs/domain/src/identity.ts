/** What a token is good for: one project, one domain, the whole system, or nothing in particular. */
export type Scope =
  | { readonly kind: 'project'; readonly id: string; readonly name: string }
  | { readonly kind: 'domain'; readonly id: string; readonly name: string }
  | { readonly kind: 'system' }
  | { readonly kind: 'none' };

/** One thing that an application credential is restricted to, as Keystone words it. */
export interface AccessRule {
  /** The type of the service it holds for, such as `compute`. */
  readonly service: string;
  readonly method: string;
  /** A path in which `*` and `{name}` stand for one segment and `**` for any number. */
  readonly path: string;
}

/** Who is asking, as an authenticator found out from a token. */
export interface Identity {
  readonly userId: string;
  readonly userName: string;
  readonly scope: Scope;
  readonly roles: readonly string[];
  /** Null: unrestricted. An empty list: restricted to nothing. */
  readonly accessRules: readonly AccessRule[] | null;
  /** Null: it does not expire. */
  readonly expiresAt: Date | null;
  /** Whether it belongs to a service of the cloud, by its roles. */
  readonly service: boolean;
}

/** The project that an identity acts for; null when it is not scoped to one. */
export function projectOf(identity: Identity): string | null {
  return identity.scope.kind === 'project' ? identity.scope.id : null;
}
