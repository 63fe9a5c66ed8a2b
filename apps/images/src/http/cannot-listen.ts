/** Errors that another port resolves; all others mean that the address is not one of this machine. */
const PORT_ERRORS: readonly unknown[] = ['EADDRINUSE', 'EACCES'];

/** The service cannot listen. The message is one line that names the address, the reason and the setting to change. */
export class CannotListen extends Error {
  readonly code = 'cannot-listen';

  /** @param setting the variable of the port */
  constructor(host: string, port: number, setting: string, cause: NodeJS.ErrnoException) {
    const reason = cause.code === 'EADDRINUSE' ? 'it is in use' : cause.message;
    const variable = PORT_ERRORS.includes(cause.code) ? setting : 'GLIMPSE_HOST';
    super(`cannot listen on ${host} port ${port}: ${reason}; choose another with ${variable}`, { cause });
  }
}
