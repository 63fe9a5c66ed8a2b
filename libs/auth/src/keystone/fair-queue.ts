/** What waits of one address: a set for each of its clients, in the order of their turns. */
interface Address<T> {
  readonly clients: Map<string, Set<T>>;
  size: number;
}

/**
 * A queue in which each address has its turn, and within an address each client, whatever number of entries
 * either has: a flood from one delays its own entries, and those of another come next.
 */
export class FairQueue<T> {
  /** In the order of their turns: the first is next, and goes to the end when one of its entries was taken. */
  readonly #addresses = new Map<string, Address<T>>();
  /** All entries in the order in which they came, each with its address and client. */
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

  /** The entry whose turn it is; it leaves the queue. */
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

  /** The entry that came last; it leaves the queue. */
  newest(): T | undefined {
    const entry = [...this.#arrivals.keys()].at(-1);
    if (entry !== undefined) this.delete(entry);
    return entry;
  }

  /** The newest entry of the client with the most, of the address with the most; it leaves the queue. */
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

/** The last of the largest, which is the one that came last. */
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
