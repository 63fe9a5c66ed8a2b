/** Whether suites that depend on chance or on size have more of both: `npm run test:long`. */
const IS_LONG = Boolean(process.env['GLIMPSE_LONG']);

/** How many rounds, requests or images a suite has. */
export function amount(usual: number, long: number): number {
  return IS_LONG ? long : usual;
}
