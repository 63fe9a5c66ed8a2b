import { InvalidOptions } from '@glimpse/options';
import { Command } from 'commander';
import { loadSettings } from '../settings/load.js';
import { untilStopped } from '../startup/stop-signal.js';

/** The exit code of `follow --status` without an active follower; that of `systemctl status` for a stopped unit. */
const NO_FOLLOWER = 3;

export const followCommand = new Command('follow')
  .option('--status', 'print the state of the mirror; exit 3 if no process follows the source', false)
  .option('--json', 'with --status: as a JSON object in one line', false)
  .option(
    '--check',
    'compare the whole mirror with the source, test write access, print differences; exit 1 if any',
    false,
  )
  .option(
    '--accept-removals',
    'let the next full sync also remove missing images that the source does not confirm as gone',
    false,
  )
  .description(
    'keep the mirror of GLIMPSE_SOURCE in sync until SIGTERM, SIGINT or SIGHUP; of several followers one is active',
  )
  .action(async (options: { status: boolean; json: boolean; check: boolean; acceptRemovals: boolean }) => {
    if (options.json && !options.status) throw new InvalidOptions(['--json is allowed with --status only']);
    const settings = loadSettings(process.env);
    if (options.status) {
      const { printStatus } = await import('./follow/status.js');
      if (!(await printStatus(settings, options.json))) process.exitCode = NO_FOLLOWER;
      return;
    }
    if (options.check) {
      const { check } = await import('./follow/check.js');
      if (!(await check(settings))) process.exitCode = 1;
      return;
    }
    const { acceptRemovals, follow } = await import('./follow/follow.js');
    if (options.acceptRemovals) return acceptRemovals(settings);
    await untilStopped((stop) => follow(settings, stop));
  });
