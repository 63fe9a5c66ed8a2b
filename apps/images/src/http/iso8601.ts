/**
 * The forms that Nova and Glance accept (oslo.utils' `parse_isotime`): extended or basic, cut off after any part,
 * seconds of one or two digits, and a line break at the end. A plus that the client did not escape arrives as a space.
 */
const ISO_8601 =
  /^(?<year>\d{4})(?:(?:-(?<month>\d{1,2})|(?<basicMonth>\d{2})(?!\n?$))(?:(?:-(?<day>\d{1,2})|(?<basicDay>\d{2}))(?:[ T](?<hour>\d{2})(?::?(?<minute>\d{2}))?(?::?(?<second>\d{1,2})(?:[.,](?<fraction>\d+))?)?(?<zone>Z|(?<sign>[-+ ])(?<zoneHour>\d{2}):?(?<zoneMinute>\d{2})?)?)?)?)?\n?$/;

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * Parses a time in ISO 8601, in UTC unless it has an offset, as the `changes-since` of Nova is parsed.
 *
 * @returns the time, cut to milliseconds; undefined for what is no time in ISO 8601 or not in the calendar
 * @example
 * parseIso8601('20200101T000000Z'); // 2020-01-01T00:00:00.000Z
 */
export function parseIso8601(text: string): Date | undefined {
  const parts = ISO_8601.exec(text)?.groups;
  if (!parts) return undefined;
  const part = (digits: string | undefined, missing = 0): number =>
    digits === undefined ? missing : Number(digits);
  const [year, month, day] = [
    part(parts['year']),
    part(parts['month'] ?? parts['basicMonth'], 1),
    part(parts['day'] ?? parts['basicDay'], 1),
  ];
  const [hour, minute, second] = [part(parts['hour']), part(parts['minute']), part(parts['second'])];
  const offset = (part(parts['zoneHour']) * 60 + part(parts['zoneMinute'])) * MINUTE_MS;
  const milliseconds = Number((parts['fraction'] ?? '').slice(0, 3).padEnd(3, '0'));
  if (year === 0 || hour > 23 || minute > 59 || second > 59 || offset >= DAY_MS) return undefined;
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day);
  // `Date` counts 30 February as a day of March.
  if (time.getUTCMonth() !== month - 1 || time.getUTCDate() !== day) return undefined;
  time.setUTCHours(hour, minute, second, milliseconds);
  return new Date(time.getTime() + (parts['sign'] === '-' ? offset : -offset));
}
