import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { tokenOf } from './service.js';

const CLIENTS = 24;

/** The time between a response and the client's next request: it leaves processor time to replicas that start. */
const PAUSE_MS = 10;

interface LoadOptions {
  /** The image that is shown and changed; by default one of the recordings. */
  readonly image?: string;
  readonly token?: string;
  /** Whether the clients change it, too. */
  readonly changes?: boolean;
}

/** Clients with persistent connections that send one request after the other, without retries. */
export class RequestLoad {
  readonly clients = CLIENTS;
  readonly image: string;
  readonly #path: string;
  readonly #token: string;
  readonly #changes: boolean;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  readonly #running: Promise<void>[];
  /** The last acknowledged change of each client. */
  readonly written = new Map<string, string>();
  readonly failures: string[] = [];
  answered = 0;
  #over = false;

  constructor(
    private readonly url: string,
    {
      image = '22222222-0000-4000-8000-000000000001',
      token = tokenOf('demo'),
      changes = true,
    }: LoadOptions = {},
  ) {
    this.image = image;
    this.#path = `/v2.1/images/${image}`;
    this.#token = token;
    this.#changes = changes;
    this.#running = Array.from({ length: CLIENTS }, (_, client) => this.#run(client));
  }

  /** The number of requests whose outcome is known. */
  get sent(): number {
    return this.answered + this.failures.length;
  }

  async #run(client: number): Promise<void> {
    for (let turn = 0; !this.#over; turn++) {
      if (turn % 20 === 7) await this.#send('GET', '/v2.1/images/detail?limit=3');
      else if (this.#changes && turn % 50 === 11) await this.#change(`client-${client}`, String(turn));
      else await this.#send('GET', this.#path);
      await sleep(PAUSE_MS);
    }
  }

  async #change(key: string, value: string): Promise<void> {
    const body = JSON.stringify({ meta: { [key]: value } });
    if (await this.#send('PUT', `${this.#path}/metadata/${key}`, body)) this.written.set(key, value);
  }

  #send(method: string, path: string, body?: string): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (failure?: string): void => {
        if (failure === undefined) this.answered++;
        else this.failures.push(`${method} ${path}: ${failure}`);
        resolve(failure === undefined);
      };
      const headers = {
        'x-auth-token': this.#token,
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
      };
      const sent = request(this.url + path, { method, agent: this.#agent, headers }, (response) => {
        response.on('error', (error) => settle(`cut off, ${error.message}`));
        response.on('end', () =>
          settle(response.statusCode === 200 ? undefined : String(response.statusCode)),
        );
        response.resume();
      });
      sent.on('error', (error) => settle(error.message));
      sent.end(body);
    });
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#running);
    this.#agent.destroy();
  }
}
