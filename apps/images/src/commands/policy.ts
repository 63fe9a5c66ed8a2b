import { readFileSync } from 'node:fs';
import { credentialsOf, explanationLines, readIdentities, type Policy, type Target } from '@glimpse/auth';
import { printable, projectOf } from '@glimpse/domain';
import { readImageDocument } from '@glimpse/glance';
import { InvalidOptions } from '@glimpse/options';
import { Command } from 'commander';
import { parse } from 'yaml';
import { imageRules } from '../access/image-rules.js';
import { defaultsOf, loadImagePolicy } from '../access/load-image-policy.js';
import { targetOf } from '../access/image-target.js';
import { loadSettings } from '../settings/load.js';

function policyInEffect(): Policy {
  return loadImagePolicy(loadSettings(process.env));
}

/** A document that an option gives, inline or as the name of a file. */
function documentOf(option: string, value: string): unknown {
  try {
    return parse(value.trimStart().startsWith('{') ? value : readFileSync(value, 'utf8'));
  } catch (error) {
    const reason = (error as Error).message.split('\n', 1)[0];
    throw new InvalidOptions([
      `${option} = ${JSON.stringify(value)} is neither JSON nor a file of it: ${reason}`,
    ]);
  }
}

/** Attributes that a document may omit because rules rarely check them, and the values read in their place. */
const TIMES = { created_at: '1970-01-01T00:00:00Z', updated_at: '1970-01-01T00:00:00Z' } as const;

/** The target that an image's document gives, without the times that the document omits. */
function targetOfDocument(document: unknown, project: string | null): Target {
  const given = typeof document === 'object' && document !== null && !Array.isArray(document) ? document : {};
  const image = readImageDocument(document === given ? { ...TIMES, ...given } : document);
  const target = targetOf({ ...image, version: 0n, attributesCurrent: true, members: new Map() }, project);
  return Object.fromEntries(Object.entries(target).filter(([name]) => !(name in TIMES) || name in given));
}

function list(): string[] {
  return policyInEffect().rules.map(({ name, text, source, used, problems = [] }) => {
    const notes = used ? [] : ['unused', ...problems];
    const note = notes.map((each) => `  # ${each}`).join('');
    return `${name}: ${JSON.stringify(text)}  # ${source ?? 'built-in'}${note}`;
  });
}

function sample(): string[] {
  return imageRules(defaultsOf(loadSettings(process.env)))
    .filter(({ enforced }) => enforced)
    .flatMap(({ name, text, description }) => [`# ${description}`, `#${name}: ${JSON.stringify(text)}`, '']);
}

function check(
  rule: string,
  identity: string,
  image: string | undefined,
): { allowed: boolean; lines: string[] } {
  const policy = policyInEffect();
  const [caller] = readIdentities({ token: documentOf('--identity', identity) }).values();
  const credentials = credentialsOf(caller!);
  const project = projectOf(caller!);
  const target =
    image === undefined ? { project_id: project } : targetOfDocument(documentOf('--image', image), project);
  const explanation = policy.explain(rule, credentials, target);
  return { allowed: explanation.allowed, lines: explanationLines(explanation) };
}

/** `glimpse policy`: inspects the policy in effect, without a running service. */
export const policyCommand = new Command('policy').description('inspect the policy in effect');

const print = (lines: readonly string[]): void => lines.forEach((line) => console.log(printable(line)));

policyCommand
  .command('list')
  .description('print every rule, its source, and whether the service enforces it')
  .action(() => print(list()));

policyCommand
  .command('sample')
  .description('print a policy file with the built-in rules, commented out')
  .action(() => print(sample()));

policyCommand
  .command('check')
  .requiredOption('--rule <name>', 'the rule to check, such as modify_image')
  .requiredOption('--identity <json>', 'the caller: {user_id, user_name, project_id, roles}, or a file of it')
  .option('--image <json>', 'the image: a Glance document, or a file of it')
  .description('print whether a rule allows the caller, and which part of it decided; exit 1 if it refuses')
  .action(({ rule, identity, image }: { rule: string; identity: string; image?: string }) => {
    const { allowed, lines } = check(rule, identity, image);
    print(lines);
    if (!allowed) process.exitCode = 1;
  });
