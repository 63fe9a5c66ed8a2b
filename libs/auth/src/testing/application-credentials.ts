import { randomBytes } from 'node:crypto';
import type { AccessRule } from '@glimpse/domain';
import { forbidden, notFound, refusal, type ApiAnswer } from './answers.js';
import { ruleDocument, type IssuedToken } from './documents.js';

/** An application credential of a user. */
export interface ApplicationCredential {
  readonly id: string;
  readonly secret: string;
  /** The name of its user; its project and roles are theirs. */
  readonly user: string;
  /** The roles of its tokens; its user's by default. */
  readonly roles?: readonly string[];
  /** Its access rules; unrestricted by default. */
  readonly accessRules?: readonly AccessRule[];
  /** When it and its tokens expire; never by default. */
  readonly expiresAt?: number;
}

/** The application credentials of all users. */
export class ApplicationCredentials {
  readonly all: ApplicationCredential[] = [];
  /** By id. Access rules outlive their credential. */
  readonly rules = new Map<string, AccessRule>();

  /** Responds to a user about their own credentials: `path` is what follows the user's id. */
  answer(caller: IssuedToken, method: string, path: readonly string[], body: string): ApiAnswer {
    const [kind, id] = path;
    if (caller.credential) {
      const managing = 'is not allowed for managing additional application credentials.';
      return forbidden(`Using method 'application_credential' ${managing}`);
    }
    if (kind === 'application_credentials' && method === 'POST') return this.#make(caller, body);
    if (method !== 'DELETE' || id === undefined) return refusal(404, 'The resource could not be found.');
    return kind === 'access_rules' ? this.#deleteRule(id) : this.#delete(id);
  }

  #make({ user }: IssuedToken, body: string): ApiAnswer {
    const { application_credential: requested } = JSON.parse(body) as {
      application_credential: {
        name: string;
        expires_at?: string;
        access_rules?: AccessRule[];
        roles?: { name: string }[];
      };
    };
    const { name, expires_at, access_rules: accessRules, roles } = requested;
    const [id, secret] = [randomBytes(16).toString('hex'), randomBytes(64).toString('base64url')];
    const documents = (accessRules ?? []).map(ruleDocument);
    for (const { id: rule, ...what } of documents) this.rules.set(rule, what);
    this.all.push({
      id,
      secret,
      user: user.name,
      ...(accessRules && { accessRules }),
      ...(roles && { roles: roles.map((role) => role.name) }),
      ...(expires_at !== undefined && { expiresAt: Date.parse(`${expires_at.replace('Z', '')}Z`) }),
    });
    return {
      status: 201,
      body: { application_credential: { id, secret, name, user_id: user.id, access_rules: documents } },
    };
  }

  #delete(id: string): ApiAnswer {
    const at = this.all.findIndex((each) => each.id === id);
    if (at < 0) return notFound('Application Credential', id);
    this.all.splice(at, 1);
    return { status: 204, body: null };
  }

  #deleteRule(id: string): ApiAnswer {
    const inUse = this.all.some(({ accessRules = [] }) =>
      accessRules.some((rule) => ruleDocument(rule).id === id),
    );
    if (inUse) return refusal(403, 'May not delete access rule in use');
    return this.rules.delete(id) ? { status: 204, body: null } : notFound('Access Rule', id);
  }
}
