/** How often the parent process is checked. */
const INTERVAL_MS = 500;

let watch;

/**
 * Ends this process, as SIGHUP does, when its parent has ended. npm passes SIGTERM and SIGINT on, no other signal, and
 * nothing when it is killed. A script that npm runs starts with `exec`, so that npm and not a shell is the parent.
 */
export function endWithParent() {
  if (watch) return;
  const parent = process.ppid;
  watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGHUP');
  }, INTERVAL_MS).unref();
}
