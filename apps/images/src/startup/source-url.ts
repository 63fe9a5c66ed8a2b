import { setTimeout as sleep } from 'node:timers/promises';
import { CatalogueUnavailable, type Mirror } from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import type { EffectiveSettings } from '../settings/settings.js';

/** Between two attempts to learn the URL, and between two checks whether it has changed. */
const ATTEMPT_INTERVAL_MS = 500;
const CHECK_INTERVAL_MS = 60_000;

/**
 * The URL of a source, which Keystone's catalog has unless it is configured. The last one that any process learnt is
 * kept in the mirror: a process that starts while Keystone is slow or unavailable has it from there.
 */
export class SourceUrl {
  readonly #name: string;
  #kept: string | undefined;

  constructor(
    private readonly source: Pick<ImageSource, 'url'>,
    { source: { use }, glance, keystone }: Pick<EffectiveSettings, 'source' | 'glance' | 'keystone'>,
  ) {
    // Processes with other settings find another endpoint.
    this.#name = `url of ${[use, glance.interface, keystone.region_name].filter(Boolean).join(' ')}`;
  }

  get value(): string | undefined {
    return this.source.url ?? this.#kept;
  }

  /** Reads the URL that was kept, and keeps the one that is learnt, until the signal. */
  async watch(mirror: Pick<Mirror, 'facts' | 'draw' | 'applyFact'>, signal: AbortSignal): Promise<void> {
    // A configured URL needs no catalog.
    if (this.source.url !== undefined) return;
    while (!signal.aborted) {
      const isSettled = await this.#synchronize(mirror);
      const pause = isSettled ? CHECK_INTERVAL_MS : ATTEMPT_INTERVAL_MS;
      await sleep(pause, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  /** @returns whether the mirror keeps the URL that the source has */
  async #synchronize(mirror: Pick<Mirror, 'facts' | 'draw' | 'applyFact'>): Promise<boolean> {
    const { url } = this.source;
    try {
      if (this.#kept === undefined) {
        const kept = (await mirror.facts()).get(this.#name);
        if (typeof kept === 'string') this.#kept = kept;
      }
      if (url === undefined) return false;
      if (url !== this.#kept) await mirror.applyFact(this.#name, url, await mirror.draw());
      this.#kept = url;
      return true;
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable)) throw error;
      return false;
    }
  }
}
