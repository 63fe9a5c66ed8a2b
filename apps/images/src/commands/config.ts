import { Command } from 'commander';
import { stringify } from 'yaml';
import { loadSettings } from '../settings/load.js';
import { maskedSettings } from '../settings/masked.js';

export const configCommand = new Command('config')
  .option('--check', 'validate only; exit 1 if `serve` could not start', false)
  .description('print the settings in effect, with secrets masked')
  .action(async ({ check }: { check: boolean }) => {
    const settings = loadSettings(process.env);
    if (!check) return void process.stdout.write(stringify(maskedSettings(settings)));
    const { checkSettings } = await import('../startup/check-settings.js');
    await checkSettings(settings);
  });
