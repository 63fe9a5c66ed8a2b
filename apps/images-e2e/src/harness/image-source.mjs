/** A source of one image that never changes, as a third-party plugin. */
const image = {
  id: '22222222-0000-4000-8000-000000000001',
  name: 'one',
  status: 'active',
  visibility: 'public',
  hidden: false,
  owner: 'another-project',
  protected: false,
  size: 1,
  minDisk: 0,
  minRam: 0,
  properties: {},
  createdAt: new Date('2026-01-01T00:00:00Z'),
  updatedAt: new Date('2026-01-01T00:00:00Z'),
  deleted: false,
};

const source = {
  url: 'http://images.example.com',
  blindness: async () => undefined,
  page: async ({ hidden, after }) => ({
    images: hidden || after ? [] : [image],
    bad: [],
    next: undefined,
  }),
  newestChange: async () => image.updatedAt,
  image: async (id) => (id === image.id ? image : undefined),
  members: async (imageId) => ({ imageId, members: new Map() }),
  async changeProperties(_id, { properties }) {
    image.properties = { ...image.properties, ...properties };
  },
  async deleteImage() {
    throw new Error('it keeps its image');
  },
};

export default { kind: 'image-source', contract: 1, create: () => source };
