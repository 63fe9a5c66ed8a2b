import { hash } from 'node:crypto';
import type { ListAudience, Viewer } from '@glimpse/domain';

/** The most projects whose last change is remembered; beyond it the next change counts for everyone. */
const MAX_PROJECTS = 10_000;

/** The names of the projects whose lists have changed, as `audience_name` of the database makes them. */
export type ChangedAudience = 'everyone' | readonly string[];

/** What a page rests on: the changes of every project, those of one, or those for everyone alone. */
export type PageBasis = 'all' | { readonly project: string | null };

/** The name of a project in notifications, whose payloads are short. */
export function audienceName(project: string): string {
  return hash('sha256', project, 'hex').slice(0, 16);
}

/** The names of an audience. */
export function namesOf(audience: ListAudience): ChangedAudience {
  return audience === 'everyone' ? audience : audience.map(audienceName);
}

/** What the pages of a viewer rest on. */
export function basisOf({ project, admin }: Viewer): PageBasis {
  return admin ? 'all' : { project: project === null ? null : audienceName(project) };
}

/** Counts changes in the lists of projects, so that a page is known to be outdated without searching for it. */
export class AudienceGenerations {
  #present = 0;
  #everyone = 0;
  /** The generation of the last change of each project, by name. */
  readonly #projects = new Map<string, number>();

  /** The generation of what is read from now on. */
  get present(): number {
    return this.#present;
  }

  /** Records a change. */
  raise(changed: ChangedAudience): void {
    const generation = ++this.#present;
    if (changed === 'everyone' || this.#projects.size + changed.length > MAX_PROJECTS) {
      this.#everyone = generation;
      this.#projects.clear();
    } else {
      for (const project of changed) this.#projects.set(project, generation);
    }
  }

  /** Whether nothing that a page rests on has changed since a generation. */
  isPresent(generation: number, basis: PageBasis): boolean {
    if (basis === 'all') return generation === this.#present;
    if (generation < this.#everyone) return false;
    return basis.project === null || (this.#projects.get(basis.project) ?? 0) <= generation;
  }
}
