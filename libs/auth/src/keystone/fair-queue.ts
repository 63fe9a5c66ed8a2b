/** The waiting entries of one address: a set for each of its clients, in fair order. */
interface Address<T> {
  readonly clients: Map<string, Set<T>>;
  size: number;
}

/**
 * A queue that serves addresses in rotation, and the clients of an address in rotation, however many entries each has:
 * a flood from one delays its own entries only.
 */
export class FairQueue<T> {
  /** In fair order: the first one is next, and goes to the end when one of its entries was removed. */
  readonly #addresses = new Map<string, Address<T>>();
  /** All entries in order of arrival, each with its address and client. */
  readonly #arrivals = new Map<T, readonly [address: string, client: string]>();

  get size(): number {
    return this.#arrivals.size;
  }

  add(entry: T, address: string, client: string): void {
    let waiting = this.#addresses.get(address);
    if (!waiting) this.#addresses.set(address, (waiting = { clients: new Map(), size: 0 }));
    const entries = waiting.clients.get(client);
    if (entries) entries.add(entry);
    else waiting.clients.set(client, new Set([entry]));
    waiting.size++;
    this.#arrivals.set(entry, [address, client]);
  }

  /** Removes the next entry in fair order. */
  next(): T | undefined {
    for (const [address, { clients }] of this.#addresses) {
      for (const [client, entries] of clients) {
        for (const entry of entries) {
          this.delete(entry);
          moveToEnd(clients, client);
          moveToEnd(this.#addresses, address);
          return entry;
        }
      }
    }
    return undefined;
  }

  /** Removes the newest entry. */
  newest(): T | undefined {
    const entry = [...this.#arrivals.keys()].at(-1);
    if (entry !== undefined) this.delete(entry);
    return entry;
  }

  /** Removes the newest entry of the client with the most entries, of the address with the most. */
  evict(): T | undefined {
    const waiting = largest(this.#addresses.values());
    const entries = waiting && largest(waiting.clients.values());
    const entry = entries && [...entries].at(-1);
    if (entry !== undefined) this.delete(entry);
    return entry;
  }

  delete(entry: T): void {
    const [address, client] = this.#arrivals.get(entry) ?? [];
    if (address === undefined || client === undefined) return;
    this.#arrivals.delete(entry);
    const waiting = this.#addresses.get(address)!;
    const entries = waiting.clients.get(client)!;
    entries.delete(entry);
    if (entries.size === 0) waiting.clients.delete(client);
    if (--waiting.size === 0) this.#addresses.delete(address);
  }
}

/** Among equally large ones the newest. */
function largest<V extends { readonly size: number }>(all: Iterable<V>): V | undefined {
  let found: V | undefined;
  for (const each of all) if (!found || each.size >= found.size) found = each;
  return found;
}

function moveToEnd<V>(map: Map<string, V>, key: string): void {
  const value = map.get(key);
  if (value === undefined) return;
  map.delete(key);
  map.set(key, value);
}
