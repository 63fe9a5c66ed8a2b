import { InvalidInput } from '../http/validation.js';

/** Refuses a body where the route has none, as Glance does. @throws {InvalidInput} */
export function refuseBody(body: Buffer | undefined): void {
  if (body?.length) throw new InvalidInput('This request must have no body.');
}
