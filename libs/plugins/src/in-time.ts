/** Settles as a promise does, or rejects after a time limit with a message such as `it did not start within 10000 ms`. */
export async function inTime<T>(promise: T | PromiseLike<T>, limitMs: number, verb: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not ${verb} within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
