import type { Image } from '@glimpse/domain';
import type { ImportRecord } from '@glimpse/store';

/** The document of an import, as Glance writes a task: its times have no zone, and are in UTC. */
export function importTaskView({ shownId }: Image, task: ImportRecord): object {
  const { request, stores, bytes, failure, endedAt } = task;
  const hasSucceeded = endedAt !== null && failure === null;
  return {
    id: task.id,
    type: 'api_image_import',
    status: hasSucceeded ? 'success' : failure === null ? 'processing' : 'failure',
    owner: task.project,
    expires_at: task.expiresAt,
    created_at: task.begunAt,
    updated_at: endedAt ?? task.begunAt,
    deleted_at: null,
    deleted: false,
    image_id: shownId,
    request_id: task.requestId,
    user_id: task.userId,
    input: { image_id: shownId, import_req: request, backend: stores },
    result: hasSucceeded ? { image_id: shownId } : null,
    message: hasSucceeded ? `Copied ${Math.floor(bytes / 2 ** 20)} MiB` : (failure ?? ''),
  };
}
