/** What is the port's fault; for anything else the address is none of this machine's. */
const OF_THE_PORT: readonly unknown[] = ['EADDRINUSE', 'EACCES'];

/** The service cannot listen. The message is one line that says where, and what to do. */
export class CannotListen extends Error {
  readonly code = 'cannot-listen';

  /** @param setting the variable that says the port */
  constructor(host: string, port: number, setting: string, cause: NodeJS.ErrnoException) {
    const reason = cause.code === 'EADDRINUSE' ? 'it is in use' : cause.message;
    const variable = OF_THE_PORT.includes(cause.code) ? setting : 'GLIMPSE_HOST';
    super(`cannot listen on ${host} port ${port}: ${reason}; choose another with ${variable}`, { cause });
  }
}
