import { Command } from 'commander';
import { loadSettings } from '../settings/load.js';

export const doctorCommand = new Command('doctor')
  .description(
    'test the settings, the database, Keystone and Glance, and print a line for each; exit 1 if any test fails',
  )
  .action(async () => {
    const settings = loadSettings(process.env);
    const { examine } = await import('./doctor/examine.js');
    if (!(await examine(settings))) process.exitCode = 1;
  });
