/** The service cannot listen. The message is one line that says where, and what to do. */
export class CannotListen extends Error {
  readonly code = 'cannot-listen';

  constructor(host: string, port: number, variable: string, cause: NodeJS.ErrnoException) {
    const reason = cause.code === 'EADDRINUSE' ? 'it is in use' : cause.message;
    super(`cannot listen on ${host} port ${port}: ${reason}; choose another with ${variable}`, { cause });
  }
}
