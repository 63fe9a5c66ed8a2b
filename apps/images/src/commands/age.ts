import { InvalidOptions } from '@glimpse/options';

/** Milliseconds of the age that `--older-than` gives, such as `30d`. @throws {InvalidOptions} */
export function ageOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (unit === undefined) {
    throw new InvalidOptions([
      `--older-than = ${JSON.stringify(text)} is not allowed: it must be a whole number with s, m, h or d, such as 30d`,
    ]);
  }
  return Number(count) * { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 's' | 'm' | 'h' | 'd'];
}
