import { isDeepStrictEqual } from 'node:util';
import { credentialsOf, type Policy } from '@glimpse/auth';
import { SOURCE_DOCUMENTS, SourceUnavailable, type Identity, type SourceFacts } from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import { mayList } from '../../access/may-list.js';

/** The results of a check of the source, as lines to print. */
export interface SourceFindings {
  /** Failed tests. */
  readonly wrong: readonly string[];
  /** Tests that could not be made. */
  readonly untested: readonly string[];
}

/** Tests whether a source accepts callers' tokens from here, and whether its policy is the one in effect here. */
export async function checkSource(
  source: ImageSource,
  policy: Policy,
  signal?: AbortSignal,
): Promise<SourceFindings> {
  return joined([
    tested('the source accepts changes from here', async () => {
      const reason = await source.missingWriteAccess?.(signal);
      return (
        reason && `the source refuses changes from here: ${reason}; see "Glance's side" in docs/glance.md`
      );
    }),
    tested('the source lists images to the same callers', () => differenceOfLists(source, policy, signal)),
  ]);
}

/** Compares the documents that are served here with those by which the source describes its API now. */
export function checkDocuments(
  source: Pick<ImageSource, 'document'>,
  kept: SourceFacts,
): Promise<SourceFindings> {
  if (!source.document) return joined([]);
  return joined(
    SOURCE_DOCUMENTS.map((name) =>
      tested(`the document ${name} is the source's`, async () =>
        isDeepStrictEqual(await source.document!(name), kept.get(name))
          ? undefined
          : `the document ${name} differs from the source's; a follower reads it each minute`,
      ),
    ),
  );
}

async function joined(findings: readonly Promise<SourceFindings>[]): Promise<SourceFindings> {
  const all = await Promise.all(findings);
  return { wrong: all.flatMap(({ wrong }) => wrong), untested: all.flatMap(({ untested }) => untested) };
}

async function tested(what: string, test: () => Promise<string | undefined>): Promise<SourceFindings> {
  try {
    const wrong = await test();
    return { wrong: wrong === undefined ? [] : [wrong], untested: [] };
  } catch (error) {
    if (!(error instanceof SourceUnavailable)) throw error;
    return { wrong: [], untested: [`whether ${what} could not be tested: ${error.reason}`] };
  }
}

/** How lists differ for a caller with no more than a service role, whom Glance's old and new defaults treat differently. */
async function differenceOfLists(
  source: ImageSource,
  policy: Policy,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const access = await source.listAccess?.(signal);
  if (access === undefined) return undefined;
  const { roles, allowed } = access;
  if (mayList(policy, credentialsOf(callerWith(roles))) === allowed) return undefined;
  return (
    `the source ${allowed ? 'lists images' : 'refuses lists'} to a token with only the role ${roles.join(', ')}, ` +
    `and this service would ${allowed ? 'refuse them' : 'not'}: set policy.defaults = ` +
    `${allowed ? 'legacy' : 'current'}, or use the source's own policy file`
  );
}

function callerWith(roles: readonly string[]): Identity {
  return {
    userId: 'check',
    userName: 'check',
    userDomainId: 'default',
    scope: { kind: 'project', id: 'check', name: 'check', domainId: 'default' },
    roles,
    accessRules: null,
    expiresAt: null,
    service: true,
  };
}
