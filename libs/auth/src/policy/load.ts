import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Optional, Text, readOptions } from '@glimpse/options';
import { IsArray, IsString } from 'class-validator';
import { PolicyError, locate, quote } from './error.js';
import { readRules, readable } from './file.js';
import { MAX_DEPTH, checksOf, parse, print, type Rule, type RuleList } from './language.js';
import { Policy, placeOf, type DefinedRule } from './policy.js';
import type { RuleDefault } from './rule-default.js';

/** Where a policy comes from. */
export interface PolicySources {
  /** A file in YAML or JSON. */
  readonly file?: string;
  /** Directories of such files, read in the order given. */
  readonly dirs?: readonly string[];
  /** The rules that the service registers in code. */
  readonly defaults: readonly RuleDefault[];
  /** The names of all possible credentials; unset: any. */
  readonly credentials?: readonly string[];
}

/** {@link PolicySources}, for validation. */
class Sources {
  @Optional()
  @Text()
  file?: string;

  @IsArray({ message: 'a list of directories' })
  @IsString({ each: true, message: 'a list of directories' })
  dirs: readonly string[] = [];

  @IsArray({ message: 'a list of rules' })
  defaults!: readonly RuleDefault[];

  @Optional()
  @IsArray({ message: 'a list of names' })
  credentials?: readonly string[];
}

/**
 * Reads a policy: the defaults, over them the file, over that the files of each directory in the order of their names,
 * as oslo.policy reads a `policy.d`: hidden files and subdirectories are ignored. A later rule replaces an earlier one.
 *
 * Much that oslo.policy only logs, or ignores, is an error that names file and rule: a file or directory that cannot be
 * read; broken YAML, a repeated key or a tag (an unquoted `!` is one, which means *always* to oslo.policy); a value that
 * is neither a text nor a list of checks (an empty value means *always*, too); a text that is not a rule; a check of a
 * kind that sends a request to another service; a cycle of rules.
 *
 * In rules that the service enforces, and those that they refer to, these are errors, too: a `rule:` that is not
 * defined, for which oslo.policy uses the rule `default`, so that a misspelt name allows what `default` allows; and a
 * check of a credential that never exists, which would make a `not` always true. In any other rule they are the
 * policy's `warnings`.
 *
 * @throws {InvalidOptions} the sources are not valid
 * @throws {PolicyError}
 *
 * @example
 * const policy = loadPolicy({ file: 'policy.yaml', dirs: ['policy.d'], defaults: SERVER_RULES });
 */
export function loadPolicy(sources: PolicySources): Policy {
  const name = (path: string): string => path || 'the sources of the policy';
  const { file, dirs, defaults, credentials } = readOptions(Sources, sources, name);
  const rules = new Map<string, ReadRule>();
  const scopes = new Map(defaults.map((rule) => [rule.name, rule.scopes]));
  for (const { name, text } of defaults) rules.set(name, defined(name, text, null));
  const files = [...(file === undefined ? [] : [file]), ...dirs.flatMap(filesOf)];
  for (const each of files) {
    for (const { name, source } of readRules(each)) rules.set(name, defined(name, source, each));
  }
  refuseCircles(rules);
  const enforced = defaults.filter((rule) => rule.enforced).map(({ name }) => name);
  const policy = new Policy(
    [...rules.values()].map((rule) => ({
      ...rule,
      scopes: scopes.get(rule.name),
      problems: problemsOf(rule.rule, { rules, credentials }),
    })),
    enforced,
  );
  for (const name of enforced) policy.requireSound(name);
  return policy;
}

/** What the checks of a rule may refer to. */
interface Names {
  readonly rules: ReadonlyMap<string, unknown>;
  readonly credentials: readonly string[] | undefined;
}

/** The reasons of the checks of a rule that are false for every caller. */
function problemsOf(rule: Rule, { rules, credentials }: Names): string[] {
  return [...checksOf(rule)].flatMap((check) => {
    if (check.type === 'rule') return rules.has(check.name) ? [] : [`rule:${check.name} is defined nowhere`];
    if (check.type !== 'credential' || !credentials || isCredential(check.path, credentials)) return [];
    return [
      `${quote(print(check))} checks a credential that there never is: known are ${credentials.join(', ')}`,
    ];
  });
}

/** No credential has parts. */
function isCredential([name, ...parts]: readonly string[], credentials: readonly string[]): boolean {
  return parts.length === 0 && credentials.includes(name!);
}

type ReadRule = Pick<DefinedRule, 'name' | 'text' | 'rule' | 'source'>;

function defined(name: string, written: string | RuleList, source: string | null): ReadRule {
  const rule = locate(placeOf({ name, source }), () => parse(written));
  return { name, text: typeof written === 'string' ? written : print(rule), rule, source };
}

/** The files of a directory. A Kubernetes volume has links to files, beside a hidden directory. */
function filesOf(directory: string): string[] {
  return readable(directory, () => readdirSync(directory))
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => join(directory, name))
    .filter((path) => !readable(path, () => statSync(path)).isDirectory());
}

/** Refuses cycles of references, and references deeper than an evaluation may nest. */
function refuseCircles(rules: ReadonlyMap<string, ReadRule>): void {
  const depths = new Map<string, number>();
  const path: string[] = [];

  function depthOf(defined: ReadRule, above: number): number {
    const { name, rule } = defined;
    const known = depths.get(name);
    if (known !== undefined) return bounded(above + known) - above;
    if (path.includes(name)) {
      throw new PolicyError(`refers to itself: ${[...path.slice(path.indexOf(name)), name].join(' → ')}`);
    }
    path.push(name);
    const depth = locate(placeOf(defined), () => depthWithin(rule, above));
    path.pop();
    depths.set(name, depth);
    return depth;
  }

  function depthWithin(rule: Rule, above: number): number {
    bounded(above);
    if (rule.type === 'not') return 1 + depthWithin(rule.rule, above + 1);
    if (rule.type === 'and' || rule.type === 'or') {
      return 1 + rule.rules.reduce((deepest, part) => Math.max(deepest, depthWithin(part, above + 1)), 0);
    }
    if (rule.type !== 'rule') return 0;
    const named = rules.get(rule.name);
    return named === undefined ? 0 : 1 + depthOf(named, above + 1);
  }

  for (const rule of rules.values()) depthOf(rule, 0);
}

function bounded(depth: number): number {
  if (depth > MAX_DEPTH) throw new PolicyError(`operators and references nest deeper than ${MAX_DEPTH}`);
  return depth;
}
