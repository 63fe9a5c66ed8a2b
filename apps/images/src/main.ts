import 'reflect-metadata';
import { printable } from '@glimpse/domain';
import { Command } from 'commander';
import { configCommand } from './commands/config.js';
import { dataCommand } from './commands/data.js';
import { textOf } from './commands/error-text.js';
import { doctorCommand } from './commands/doctor.js';
import { followCommand } from './commands/follow.js';
import { importCommand } from './commands/import.js';
import { migrateCommand } from './commands/migrate.js';
import { policyCommand } from './commands/policy.js';
import { purgeCommand } from './commands/purge.js';
import { serveCommand } from './commands/serve.js';
import { VERSION } from './settings/version.js';

export { mayExit } from './startup/stop-signal.js';

const program = new Command('glimpse')
  .description(
    'An images service for OpenStack clouds. Settings come from the environment and GLIMPSE_CONFIG.',
  )
  .version(VERSION)
  .showHelpAfterError();

for (const command of [
  serveCommand,
  migrateCommand,
  importCommand,
  followCommand,
  purgeCommand,
  configCommand,
  policyCommand,
  dataCommand,
  doctorCommand,
]) {
  program.addCommand(command.copyInheritedSettings(program));
}

try {
  await program.parseAsync();
} catch (error) {
  for (const line of textOf(error).split('\n')) process.stderr.write(`glimpse: ${printable(line)}\n`);
  process.exitCode = 1;
}
