/** A source plugin that responds from memory, so that only the cost of the mirror is measured. */
import { PROJECTS } from './catalogue.mjs';

export const IMAGES = 2_000;

const PAGE = 500;
const CREATED = Date.UTC(2026, 0, 1);

/** The same images in every process that loads it, newest last. */
function makeImages() {
  return Array.from({ length: IMAGES }, (_, number) => ({
    id: `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`,
    name: `image ${number}`,
    status: 'active',
    visibility: 'public',
    hidden: false,
    owner: PROJECTS.large,
    protected: false,
    size: 1_000_000,
    minDisk: 10,
    minRam: 512,
    properties: { os_distro: 'debian', architecture: 'x86_64', build: String(number) },
    createdAt: new Date(CREATED + number * 1000),
    updatedAt: new Date(CREATED + number * 1000),
    deleted: false,
  }));
}

export default {
  kind: 'image-source',
  contract: 1,
  create() {
    const all = makeImages();
    const refuse = () => Promise.reject(new Error('nothing is changed here'));
    return {
      url: 'https://image.example.com',
      blindness: async () => undefined,
      newestChange: async () => all.at(-1).updatedAt,
      async page({ hidden, changedSince, after }) {
        const found = hidden
          ? []
          : all.filter(
              ({ createdAt, updatedAt }) =>
                (!changedSince || updatedAt >= changedSince) && (!after || createdAt > after.createdAt),
            );
        const images = found.slice(0, PAGE);
        return { images, bad: [], next: found.length > PAGE ? images.at(-1) : undefined };
      },
      image: async (id) => all.find((image) => image.id === id),
      members: async (imageId) => ({ imageId, members: new Map() }),
      changeProperties: refuse,
      deleteImage: refuse,
    };
  },
};
