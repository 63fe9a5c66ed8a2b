import {
  ImageNotFound,
  UNRESTRICTED_VIEWER,
  listAudienceOf,
  type ImageReader,
  type ListAudience,
} from '@glimpse/domain';

/** How long the audience of an image is waited for. */
const READ_TIME_MS = 500;

/** The audience of an image as the mirror has it; everyone where that cannot be read in time. */
export async function audienceIn(reader: ImageReader, imageId: string): Promise<ListAudience> {
  const late = new Promise<ListAudience>((resolve) => {
    setTimeout(resolve, READ_TIME_MS, 'everyone').unref();
  });
  return Promise.race([read(reader, imageId), late]);
}

async function read(reader: ImageReader, imageId: string): Promise<ListAudience> {
  try {
    return listAudienceOf((await reader.image(imageId, UNRESTRICTED_VIEWER)).value);
  } catch (error) {
    return error instanceof ImageNotFound ? [] : 'everyone';
  }
}

/** The projects of all of these audiences. */
export function joined(audiences: readonly ListAudience[]): ListAudience {
  const projects = new Set<string>();
  for (const audience of audiences) {
    if (audience === 'everyone') return audience;
    for (const project of audience) projects.add(project);
  }
  return [...projects];
}
