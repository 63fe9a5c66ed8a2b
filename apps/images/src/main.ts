import 'reflect-metadata';
import { printable } from '@glimpse/domain';
import { Command } from 'commander';
import { VERSION } from './settings/version.js';

export { mayExit } from './startup/stop-signal.js';

const program = new Command('glimpse')
  .description(
    'An images service for OpenStack clouds. Settings come from the environment and GLIMPSE_CONFIG.',
  )
  .version(VERSION)
  .showHelpAfterError();

/** Each command is in a module of its own, which is loaded when it runs, or when its help is printed. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./commands/serve.js')).serveCommand,
  migrate: async () => (await import('./commands/migrate.js')).migrateCommand,
  import: async () => (await import('./commands/import.js')).importCommand,
  follow: async () => (await import('./commands/follow.js')).followCommand,
  purge: async () => (await import('./commands/purge.js')).purgeCommand,
  config: async () => (await import('./commands/config.js')).configCommand,
  policy: async () => (await import('./commands/policy.js')).policyCommand,
  data: async () => (await import('./commands/data.js')).dataCommand,
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand,
};

const [name = ''] = process.argv.slice(2);
const wanted = Object.hasOwn(COMMANDS, name) ? [COMMANDS[name]!] : Object.values(COMMANDS);
try {
  for (const load of wanted) program.addCommand((await load()).copyInheritedSettings(program));
  await program.parseAsync();
} catch (error) {
  const { textOf } = await import('./commands/error-text.js');
  for (const line of textOf(error).split('\n')) process.stderr.write(`glimpse: ${printable(line)}\n`);
  process.exitCode = 1;
}
