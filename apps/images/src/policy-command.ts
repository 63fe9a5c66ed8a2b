import { readFileSync } from 'node:fs';
import { credentialsOf, explanationLines, loadPolicy, readIdentities, type Policy } from '@glimpse/auth';
import { printable, projectOf } from '@glimpse/domain';
import { readImageDocument } from '@glimpse/glance';
import { InvalidOptions } from '@glimpse/plugins';
import { Command } from 'commander';
import { parse } from 'yaml';
import { IMAGE_RULES } from './access/image-rules.js';
import { targetOf } from './access/image-target.js';
import { loadSettings } from './config/load.js';

function policyInEffect(): Policy {
  return loadPolicy({ ...loadSettings(process.env).policy, defaults: IMAGE_RULES });
}

/** A document that an option gives, as it stands or as the name of a file. */
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

function list(): string[] {
  return policyInEffect().rules.map(({ name, text, source, used }) => {
    const note = used ? '' : '  # unused';
    return `${name}: ${JSON.stringify(text)}  # ${source ?? 'built-in'}${note}`;
  });
}

function sample(): string[] {
  return IMAGE_RULES.filter(({ enforced }) => enforced).flatMap(({ name, text, description }) => [
    `# ${description}`,
    `#${name}: ${JSON.stringify(text)}`,
    '',
  ]);
}

function check(
  rule: string,
  identity: string,
  image: string | undefined,
): { allowed: boolean; lines: string[] } {
  const policy = policyInEffect();
  const [caller] = readIdentities({ token: documentOf('--identity', identity) }).values();
  const credentials = credentialsOf(caller!);
  const target =
    image === undefined
      ? undefined
      : targetOf(
          { ...readImageDocument(documentOf('--image', image)), version: 0n, members: new Map() },
          projectOf(caller!),
        );
  const explanation = policy.explain(rule, credentials, target);
  return { allowed: explanation.allowed, lines: explanationLines(explanation) };
}

/** `glimpse policy`: looks at the policy in effect, without a service. */
export function policyCommand(): Command {
  const command = new Command('policy').description('look at the policy in effect');
  const print = (lines: readonly string[]): void => lines.forEach((line) => console.log(printable(line)));

  command
    .command('list')
    .description('print every rule, where it comes from, and whether the service ever asks for it')
    .action(() => print(list()));

  command
    .command('sample')
    .description('print a policy file that says what is built in, commented out')
    .action(() => print(sample()));

  command
    .command('check')
    .requiredOption('--rule <name>', 'the rule to ask, such as modify_image')
    .requiredOption('--identity <json>', 'who asks: {user_id, user_name, project_id, roles}, or a file of it')
    .option('--image <json>', 'the image it is about: a Glance document, or a file of it')
    .description('say whether a rule allows, and which part of it decided; exit code 1: it refuses')
    .action(({ rule, identity, image }: { rule: string; identity: string; image?: string }) => {
      const { allowed, lines } = check(rule, identity, image);
      print(lines);
      if (!allowed) process.exitCode = 1;
    });

  return command;
}
