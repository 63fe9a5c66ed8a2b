import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Optional, Text, readOptions } from '@glimpse/plugins';
import { IsArray, IsString } from 'class-validator';
import { PolicyError, locate } from './error.js';
import { readRules, readable } from './file.js';
import { MAX_DEPTH, parse, print, type Rule, type RuleList } from './language.js';
import { Policy, type DefinedRule } from './policy.js';
import type { RuleDefault } from './rule-default.js';

/** Where a policy comes from. */
export interface PolicySources {
  /** A file in YAML or JSON. */
  readonly file?: string;
  /** Directories of such files, read in the order given. */
  readonly dirs?: readonly string[];
  /** The rules that the service brings along. */
  readonly defaults: readonly RuleDefault[];
}

/** {@link PolicySources}, as they are checked. */
class Sources {
  @Optional()
  @Text()
  file?: string;

  @IsArray({ message: 'a list of directories' })
  @IsString({ each: true, message: 'a list of directories' })
  dirs: readonly string[] = [];

  @IsArray({ message: 'a list of rules' })
  defaults!: readonly RuleDefault[];
}

/**
 * Reads a policy: the defaults, over them the file, over that the files of each directory in the order of
 * their names, as oslo.policy reads a `policy.d`: hidden files and directories within are passed over. What
 * is read later replaces a rule as a whole.
 *
 * Refused, with file and rule named, is much that oslo.policy meets with a line in its log or none: a file
 * or directory that cannot be read; YAML that is broken, has a key twice or a tag (an unquoted `!` is one,
 * and oslo.policy takes it for *always*); a value that is neither a text nor a list of checks (nothing at all
 * is *always* there too); a text that is no rule; a check of a kind that asks another service; a circle of
 * rules; a `rule:` that is defined nowhere. For the last oslo.policy takes the rule `default`, so that a
 * misspelt name opens what `default` opens.
 *
 * A rule that the service never asks for is kept, and must be as right as any other.
 *
 * @throws {InvalidOptions} the sources are none
 * @throws {PolicyError}
 *
 * @example
 * const policy = loadPolicy({ file: 'policy.yaml', dirs: ['policy.d'], defaults: SERVER_RULES });
 */
export function loadPolicy(sources: PolicySources): Policy {
  const name = (path: string): string => path || 'the sources of the policy';
  const { file, dirs, defaults } = readOptions(Sources, sources, name);
  const rules = new Map<string, DefinedRule>();
  for (const { name, text } of defaults) rules.set(name, defined(name, text, null));
  const files = [...(file === undefined ? [] : [file]), ...dirs.flatMap(filesOf)];
  for (const each of files) {
    for (const { name, source } of readRules(each)) rules.set(name, defined(name, source, each));
  }
  refuseLooseEnds(rules);
  const enforced = defaults.filter((rule) => rule.enforced).map(({ name }) => name);
  return new Policy([...rules.values()], enforced);
}

function defined(name: string, written: string | RuleList, source: string | null): DefinedRule {
  const rule = locate(placeOf({ name, source }), () => parse(written));
  return { name, text: typeof written === 'string' ? written : print(rule), rule, source };
}

function placeOf({ name, source }: Pick<DefinedRule, 'name' | 'source'>) {
  return { rule: name, ...(source !== null && { file: source }) };
}

/** The files of a directory. A Kubernetes volume holds links to files, beside a hidden directory. */
function filesOf(directory: string): string[] {
  return readable(directory, () => readdirSync(directory))
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => join(directory, name))
    .filter((path) => !readable(path, () => statSync(path)).isDirectory());
}

/** Refuses references that lead nowhere, in a circle, or deeper than an evaluation may go. */
function refuseLooseEnds(rules: ReadonlyMap<string, DefinedRule>): void {
  const depths = new Map<string, number>();
  const path: string[] = [];

  function depthOf(defined: DefinedRule, above: number): number {
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
    if (named === undefined) throw new PolicyError(`rule:${rule.name} is defined nowhere`);
    return 1 + depthOf(named, above + 1);
  }

  for (const rule of rules.values()) depthOf(rule, 0);
}

function bounded(depth: number): number {
  if (depth > MAX_DEPTH) throw new PolicyError(`operators and references nest deeper than ${MAX_DEPTH}`);
  return depth;
}
