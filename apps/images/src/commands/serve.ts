import { Command } from 'commander';
import { loadSettings } from '../settings/load.js';
import { untilStopped } from '../startup/stop-signal.js';

export const serveCommand = new Command('serve')
  .description('run the service until SIGTERM, SIGINT or SIGHUP')
  .action(async () => {
    const settings = loadSettings(process.env);
    const { serve } = await import('../startup/serve.js');
    await untilStopped((stop) => serve(settings, stop));
  });
