import type { Identity } from '@glimpse/domain';
import { InvalidOptions, Matching, Optional, Text, readOptions } from '@glimpse/options';
import { ArrayUnique, IsString } from 'class-validator';

/** An identity as the file of development identities writes it. */
class IdentityDocument {
  @Text()
  user_id!: string;

  @Text()
  user_name!: string;

  @Text()
  user_domain_id: string = 'default';

  /** Left out, the token is scoped to nothing. */
  @Optional()
  @Matching('a project id', (value) => value !== '')
  project_id?: string;

  @Optional()
  @Text()
  project_name?: string;

  @Text()
  project_domain_id: string = 'default';

  @IsString({ each: true, message: 'a list of role names' })
  @ArrayUnique({ message: 'a list of role names, each once' })
  roles!: string[];
}

function isMapping(document: unknown): document is object {
  return typeof document === 'object' && document !== null && !Array.isArray(document);
}

/**
 * Reads development identities: `{token: {user_id, user_name, user_domain_id, project_id, project_name,
 * project_domain_id, roles}}`; domains are `default` unless given.
 *
 * @returns the identity of each token
 * @throws {InvalidOptions} naming the identity by its position, never by its token
 */
export function readIdentities(document: unknown): Map<string, Identity> {
  if (!isMapping(document)) {
    throw new InvalidOptions(['the identities must be a mapping of tokens to identities']);
  }
  return new Map(
    Object.entries(document).map(([token, raw]: [string, unknown], index) => {
      const name = (path: string): string => `identity ${index + 1}${path && `: ${path}`}`;
      if (!/^[\x21-\x7e]{1,8192}$/.test(token)) {
        throw new InvalidOptions([`${name('')}: its token must be 1 to 8192 visible ASCII characters`]);
      }
      // Not shown: in a file that has it the wrong way round, this is the token.
      if (!isMapping(raw)) throw new InvalidOptions([`${name('')} must be a mapping`]);
      const document = readOptions(IdentityDocument, raw, name);
      return [token, identityOf(document)];
    }),
  );
}

function identityOf(document: IdentityDocument): Identity {
  const { project_id: id, project_name: name, project_domain_id: domainId } = document;
  return {
    userId: document.user_id,
    userName: document.user_name,
    userDomainId: document.user_domain_id,
    scope: id === undefined ? { kind: 'none' } : { kind: 'project', id, name: name ?? id, domainId },
    roles: document.roles,
    accessRules: null,
    expiresAt: null,
    service: document.roles.some((role) => role.toLowerCase() === 'service'),
  };
}
