#!/usr/bin/env node
// Nothing here may be newer than the Nodes that are refused.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major > 20 || (major === 20 && minor >= 19)) {
  const { mayExit } = await import('../dist/main.js');
  if (mayExit()) process.exit();
} else {
  process.stderr.write(
    `glimpse: this is Node ${process.versions.node}, and 20.19 is the oldest that is supported\n`,
  );
  process.exitCode = 1;
}
