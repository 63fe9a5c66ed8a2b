import { parseArgs } from 'node:util';

/** The exit code where the arguments of a tool are wrong. */
export const WRONG_OPTIONS = 2;

/**
 * Reads the arguments of a tool. `--help` prints its help and ends the process with 0; wrong arguments end it with one
 * line and {@link WRONG_OPTIONS}.
 *
 * @param help what `--help` prints
 * @param config as of `parseArgs`
 * @param check throws an error that names what is wrong with the values
 */
export function readArguments(help, { options, ...config }, check = () => undefined) {
  try {
    const given = parseArgs({ ...config, options: { ...options, help: { type: 'boolean', short: 'h' } } });
    if (given.values.help) {
      process.stdout.write(help);
      process.exit(0);
    }
    check(given);
    return given;
  } catch (error) {
    console.error(`${error.message.split('. ')[0]}; --help lists what there is`);
    process.exit(WRONG_OPTIONS);
  }
}

/** Reads the arguments of a tool that takes the folder to write to, or none. @returns it, if it is given */
export function readFolder(help) {
  const { positionals } = readArguments(help, { allowPositionals: true }, ({ positionals }) => {
    if (positionals.length > 1) throw new Error(`${positionals.length} folders are given instead of one`);
  });
  return positionals[0];
}

/** @throws Error when the value of an option is given and is no port or other positive number of five digits */
export function requireNumber(name, value) {
  if (value !== undefined && !/^[1-9]\d{0,4}$/.test(value)) {
    throw new Error(`--${name} is ${value}: allowed is a positive number`);
  }
}
