import type { Scope } from '@glimpse/domain';
import { idOf } from './documents.js';

/** A user with a password. */
export interface User {
  readonly name: string;
  readonly password: string;
  /** The id of their domain and their project's; `default` unless given. */
  readonly domain?: string;
  /** The name of the project in which they have their roles; `service` unless given. */
  readonly project?: string;
  readonly roles: readonly string[];
  /** Whether they have these roles in their domain and in the system, too. */
  readonly everywhere?: boolean;
}

/** The part of the body of `POST /v3/auth/tokens` that is read. */
export interface AuthRequest {
  readonly identity?: {
    readonly methods?: readonly string[];
    readonly password?: { readonly user?: NamedInDomain & { readonly password?: string } };
    readonly application_credential?: { readonly id?: string; readonly secret?: string };
  };
  readonly scope?: 'unscoped' | { project?: NamedInDomain; domain?: NamedInDomain; system?: object };
}

interface NamedInDomain {
  readonly id?: string;
  readonly name?: string;
  readonly domain?: { readonly id?: string; readonly name?: string };
}

/** The id of a user's domain. */
export function domainOf(user: User): string {
  return user.domain ?? 'default';
}

/** Whether a name or id, with a domain's name or id, refers to this one. */
export function isUser(user: User, given: NamedInDomain): boolean {
  if (given.id !== undefined) return given.id === idOf('user', user.name);
  return given.name === user.name && isDomain(user, given.domain);
}

function isDomain(user: User, given: NamedInDomain['domain']): boolean {
  const id = given?.id ?? (given?.name === 'Default' ? 'default' : given?.name);
  return id === domainOf(user);
}

/** The project in which a user has their roles. */
export function projectOf(user: User): Scope & { kind: 'project' } {
  const name = user.project ?? 'service';
  return { kind: 'project', id: idOf('project', name), name };
}

/** The scope that a user requests; null if they have no role in it. */
export function scopeOf(user: User, requested: AuthRequest['scope']): Scope | null {
  if (requested === undefined || requested === 'unscoped') return { kind: 'none' };
  const { project, domain, system } = requested;
  if (project) {
    const own = projectOf(user);
    const meant =
      project.id === undefined
        ? project.name === own.name && isDomain(user, project.domain)
        : project.id === own.id;
    return meant ? own : null;
  }
  if (!user.everywhere) return null;
  if (system) return { kind: 'system' };
  if (!domain || !isDomain(user, domain)) return null;
  const id = domainOf(user);
  return { kind: 'domain', id, name: id === 'default' ? 'Default' : id };
}
