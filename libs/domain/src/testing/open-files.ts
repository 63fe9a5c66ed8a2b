import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** The files under a folder that a process has open, by `/proc`: on Linux only. */
export function openFiles(process: number | 'self', folder: string): string[] {
  const descriptors = `/proc/${process}/fd`;
  const targets = readdirSync(descriptors).flatMap((name) => {
    try {
      return [readlinkSync(join(descriptors, name))];
    } catch {
      // It was closed meanwhile.
      return [];
    }
  });
  return targets.filter((target) => target.startsWith(folder));
}
