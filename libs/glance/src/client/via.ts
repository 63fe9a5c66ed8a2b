/** The name of this service in `Via`. */
const PSEUDONYM = 'glimpse';

/** The `Via` (RFC 9110, 7.6.3) of what this service sends to Glance, and of responses that it passes on. */
export const VIA = `1.1 ${PSEUDONYM}`;

/** Whether a message with this `Via` has passed this service. */
export function hasOwnVia(via: string | undefined): boolean {
  return (via ?? '').split(',').some((hop) => hop.trim().split(/\s+/)[1]?.toLowerCase() === PSEUDONYM);
}
