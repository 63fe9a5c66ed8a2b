import type { SourceChange, SourceChanges } from './source-changes.js';

/** Changes at the source of a mirror. */
export class MirroredChanges implements SourceChanges {
  async begin(_ids: readonly string[]): Promise<SourceChange> {
    return { settle: () => Promise.resolve(), withdraw: () => Promise.resolve() };
  }
}
