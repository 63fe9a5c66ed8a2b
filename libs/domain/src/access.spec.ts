import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { imageOf, membersOf } from './testing/index.js';
import { canChange, canSee, canSeeMember, isListed, type Viewer } from './access.js';
import type { ListScope } from './criteria.js';
import {
  IMAGE_STATUSES,
  MEMBER_STATUSES,
  VISIBILITIES,
  type MemberStatus,
  type Visibility,
} from './image.js';

/** What a viewer can be to an image. */
const RELATIONS = ['owner', ...MEMBER_STATUSES, 'stranger', 'no project', 'admin'] as const;
type Relation = (typeof RELATIONS)[number];

/** The viewers that are shown an owned image by id. */
const SHOWN: Record<Visibility, Record<Relation, boolean>> = {
  public: {
    owner: true,
    pending: true,
    accepted: true,
    rejected: true,
    stranger: true,
    'no project': true,
    admin: true,
  },
  community: {
    owner: true,
    pending: true,
    accepted: true,
    rejected: true,
    stranger: true,
    'no project': true,
    admin: true,
  },
  shared: {
    owner: true,
    pending: true,
    accepted: true,
    rejected: true,
    stranger: false,
    'no project': false,
    admin: true,
  },
  private: {
    owner: true,
    pending: false,
    accepted: false,
    rejected: false,
    stranger: false,
    'no project': false,
    admin: true,
  },
};

/** The viewers that find an owned image in lists while it is not hidden. */
const LISTED: Record<Visibility, Record<Relation, boolean>> = {
  public: SHOWN.public,
  community: {
    owner: true,
    pending: false,
    accepted: false,
    rejected: false,
    stranger: false,
    'no project': false,
    admin: false,
  },
  shared: {
    owner: true,
    pending: false,
    accepted: true,
    rejected: false,
    stranger: false,
    'no project': false,
    admin: true,
  },
  private: SHOWN.private,
};

/** The relations that may change an owned image, whatever its visibility. */
const CHANGED: Record<Relation, boolean> = {
  owner: true,
  pending: false,
  accepted: false,
  rejected: false,
  stranger: false,
  'no project': false,
  admin: true,
};

const project = fc.uuid().map((id) => id.replaceAll('-', ''));
const memberStatus = fc.constantFrom(...MEMBER_STATUSES);

/** The attributes of an image that do not matter for visibility. */
const rest = fc.record({
  id: fc.uuid(),
  version: fc.bigInt({ min: 1n }),
  name: fc.option(fc.string()),
  status: fc.constantFrom(...IMAGE_STATUSES),
  hidden: fc.boolean(),
  protected: fc.boolean(),
  size: fc.option(fc.nat()),
  minDisk: fc.nat(),
  minRam: fc.nat(),
  properties: fc.dictionary(fc.string(), fc.string()),
  createdAt: fc.date({ noInvalidDate: true }),
  updatedAt: fc.option(fc.date({ noInvalidDate: true })),
});

/** An image, a viewer, and what the two are to each other. */
const encounter = fc
  .record({
    relation: fc.constantFrom(...RELATIONS),
    visibility: fc.constantFrom(...VISIBILITIES),
    owned: fc.boolean(),
    projects: fc.uniqueArray(project, { minLength: 5, maxLength: 5 }),
    others: fc.array(memberStatus, { maxLength: 2 }),
    adminsProject: fc.constantFrom('owner', 'other', 'none'),
    rest,
  })
  // An image without an owner has no viewer that owns it.
  .filter(({ owned, relation }) => owned || relation !== 'owner')
  .map(({ relation, visibility, owned, projects, others, adminsProject, rest }) => {
    const [owner, own, ...strangers] = projects as [string, string, ...string[]];
    const statuses: Record<string, MemberStatus> = Object.fromEntries(
      others.map((status, i) => [strangers[i]!, status]),
    );
    const viewer = ((): Viewer => {
      switch (relation) {
        case 'owner':
          return { project: owner, admin: false };
        case 'no project':
          return { project: null, admin: false };
        case 'stranger':
          return { project: own, admin: false };
        case 'admin':
          return { project: { owner, other: own, none: null }[adminsProject], admin: true };
        default:
          statuses[own] = relation;
          return { project: own, admin: false };
      }
    })();
    const members = membersOf(statuses);
    const image = imageOf({ ...rest, visibility, owner: owned ? owner : null, members });
    return { image, viewer, relation };
  });

/** An image that differs in everything that the rules do not use. */
const twins = fc.tuple(encounter, rest).map(([{ image, viewer }, other]) => ({
  image,
  viewer,
  twin: { ...image, ...other },
}));

describe('canSee', () => {
  it('shows an owned image to the viewers of its visibility, and to no others', () => {
    fc.assert(
      fc.property(encounter, ({ image, viewer, relation }) => {
        fc.pre(image.owner !== null);
        expect(canSee(image, viewer)).toBe(SHOWN[image.visibility][relation]);
      }),
      { numRuns: 1000 },
    );
  });

  it('shows an image without an owner to every viewer', () => {
    fc.assert(
      fc.property(encounter, ({ image, viewer }) => {
        expect(canSee({ ...image, owner: null }, viewer)).toBe(true);
      }),
    );
  });

  it('shows an administrator every image, whatever its project', () => {
    fc.assert(
      fc.property(encounter, fc.option(project), ({ image }, project) => {
        expect(canSee(image, { project, admin: true })).toBe(true);
      }),
    );
  });

  it('counts a member, in whatever state, exactly while the image is shared', () => {
    fc.assert(
      fc.property(encounter, memberStatus, project, ({ image, viewer }, status, member) => {
        fc.pre(image.owner !== member && viewer.project !== member);
        const members = new Map([...image.members, ...membersOf({ [member]: status })]);
        const seen = (visibility: Visibility): boolean =>
          canSee({ ...image, owner: 'another', members, visibility }, { project: member, admin: false });
        expect(seen('shared')).toBe(true);
        expect(seen('private')).toBe(false);
      }),
    );
  });

  it('does not depend on whether an image is hidden, nor on its status, name, or anything else', () => {
    fc.assert(
      fc.property(twins, ({ image, viewer, twin }) => {
        expect(canSee(twin, viewer)).toBe(canSee(image, viewer));
      }),
    );
  });
});

describe('canSeeMember', () => {
  it('shows a member itself, and every member to the owner and to administrators', () => {
    fc.assert(
      fc.property(encounter, ({ image, viewer, relation }) => {
        const isOwner = relation === 'owner' && image.owner !== null;
        for (const member of [...image.members.keys(), 'another']) {
          const shown = viewer.admin || isOwner || member === viewer.project;
          expect(canSeeMember(image, member, viewer)).toBe(shown);
        }
      }),
    );
  });
});

describe('canChange', () => {
  it('gives an owned image to its owner and to administrators, whatever its visibility', () => {
    fc.assert(
      fc.property(encounter, ({ image, viewer, relation }) => {
        fc.pre(image.owner !== null);
        expect(canChange(image, viewer)).toBe(CHANGED[relation]);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives an image without an owner to administrators alone', () => {
    fc.assert(
      fc.property(encounter, ({ image, viewer, relation }) => {
        expect(canChange({ ...image, owner: null }, viewer)).toBe(relation === 'admin');
      }),
    );
  });

  it('never gives an image to a viewer that may not see it', () => {
    fc.assert(
      fc.property(encounter, ({ image, viewer }) => {
        fc.pre(canChange(image, viewer));
        expect(canSee(image, viewer)).toBe(true);
      }),
    );
  });

  it('does not depend on whether an image is hidden, nor on its status, name, or anything else', () => {
    fc.assert(
      fc.property(twins, ({ image, viewer, twin }) => {
        expect(canChange(twin, viewer)).toBe(canChange(image, viewer));
      }),
    );
  });
});

describe('isListed', () => {
  /** Encounters with an image whose status keeps it from no list. */
  const listable = encounter.filter(({ image }) => image.status !== 'killed');
  const scope: fc.Arbitrary<ListScope> = fc.record(
    {
      visibility: fc.constantFrom(...VISIBILITIES, 'all'),
      hidden: fc.boolean(),
      memberStatus: fc.constantFrom(...MEMBER_STATUSES, 'all'),
    },
    { requiredKeys: [] },
  );

  it('lists an owned image for the viewers of its visibility, and for no others', () => {
    fc.assert(
      fc.property(listable, ({ image, viewer, relation }) => {
        fc.pre(image.owner !== null && !image.hidden);
        const adminOfOwner = relation === 'admin' && viewer.project === image.owner;
        const listed = LISTED[image.visibility][adminOfOwner ? 'owner' : relation];
        expect(isListed(image, viewer)).toBe(listed);
      }),
      { numRuns: 1000 },
    );
  });

  it('lists an image without an owner as any other, and for no viewer as its own', () => {
    fc.assert(
      fc.property(listable, ({ image, viewer, relation }) => {
        fc.pre(image.owner === null && !image.hidden);
        expect(isListed(image, viewer)).toBe(LISTED[image.visibility][relation]);
      }),
    );
  });

  it('lists no killed image for any viewer, whatever is requested', () => {
    fc.assert(
      fc.property(encounter, scope, ({ image, viewer }, scope) => {
        expect(isListed({ ...image, status: 'killed' }, viewer, scope)).toBe(false);
      }),
    );
  });

  it('lists no hidden image for any viewer, whatever the visibility in the request', () => {
    fc.assert(
      fc.property(listable, fc.constantFrom(undefined, ...VISIBILITIES), ({ image, viewer }, visibility) => {
        expect(isListed({ ...image, hidden: true }, viewer, { ...(visibility && { visibility }) })).toBe(
          false,
        );
      }),
    );
  });

  it('restricted to a visibility lists of it what it lists anyway, and of community images all', () => {
    fc.assert(
      fc.property(listable, fc.constantFrom(...VISIBILITIES), ({ image, viewer }, visibility) => {
        const all = visibility === 'community' && !image.hidden;
        const listed = image.visibility === visibility && (all || isListed(image, viewer));
        expect(isListed(image, viewer, { visibility })).toBe(listed);
      }),
    );
  });

  it('restricted to all visibilities lists the community images of others besides', () => {
    fc.assert(
      fc.property(listable, ({ image, viewer }) => {
        const community = image.visibility === 'community' && !image.hidden;
        expect(isListed(image, viewer, { visibility: 'all' })).toBe(community || isListed(image, viewer));
      }),
    );
  });

  it('lists hidden images alone where these are requested, and by the same rules', () => {
    fc.assert(
      fc.property(listable, scope, ({ image, viewer }, scope) => {
        const shown = { ...image, hidden: false };
        const hidden = { ...image, hidden: true };
        expect(isListed(shown, viewer, { ...scope, hidden: true })).toBe(false);
        expect(isListed(hidden, viewer, { ...scope, hidden: true })).toBe(
          isListed(shown, viewer, { ...scope, hidden: false }),
        );
      }),
    );
  });

  it('lists what others share by the requested status of the membership, and nothing else by it', () => {
    fc.assert(
      fc.property(
        listable,
        fc.constantFrom(...MEMBER_STATUSES, 'all'),
        ({ image, viewer, relation }, status) => {
          const isMember = (MEMBER_STATUSES as readonly string[]).includes(relation);
          const byShare = isMember && image.visibility === 'shared' && !image.hidden;
          expect(isListed(image, viewer, { memberStatus: status })).toBe(
            byShare ? status === 'all' || status === relation : isListed(image, viewer),
          );
        },
      ),
    );
  });

  it('lists nothing that is not shown by id', () => {
    fc.assert(
      fc.property(listable, scope, ({ image, viewer }, scope) => {
        fc.pre(isListed(image, viewer, scope));
        expect(canSee(image, viewer)).toBe(true);
      }),
    );
  });
});
