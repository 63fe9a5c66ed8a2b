import { describe, expect, it } from '@jest/globals';
import { newRequestId } from './response-headers.js';

describe('a request id', () => {
  it('shares no prefix with the next, so that two of them do not reveal the number between them', () => {
    const ids = Array.from({ length: 1_000 }, newRequestId);
    for (const id of ids) expect(id).toMatch(/^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(new Set(ids.map((id) => id.slice(0, 'req-'.length + 8))).size).toBeGreaterThan(990);
  });
});
