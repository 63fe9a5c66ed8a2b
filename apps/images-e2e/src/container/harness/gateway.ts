import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import type { FakeGlance } from '@glimpse/glance/testing';
import { openGlance } from '../../harness/open-glance.js';
import { podman } from './podman.js';

/** The address of this machine in the network of the pods. It exists as soon as a pod runs. */
export function gateway(): string {
  const [network] = JSON.parse(podman('network', 'inspect', 'podman')) as {
    subnets: { gateway: string }[];
  }[];
  return network!.subnets[0]!.gateway;
}

/** Listens on the gateway's address. @returns the port */
async function listen(server: Server | HttpServer): Promise<number> {
  server.listen(0, gateway());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Lets pods reach a server on loopback. @returns the server in front of it, and its port */
export async function forward(url: string): Promise<[server: Server, port: number]> {
  const { port } = new URL(url);
  const server = createServer((client) => {
    const upstream = connect(Number(port), '127.0.0.1');
    client.pipe(upstream).pipe(client);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  return [server, await listen(server)];
}

/** Lets pods reach a Glance, to which every token is one of the service's user. @returns as {@link forward} */
export async function forwardGlance(glance: FakeGlance): Promise<[server: HttpServer, port: number]> {
  const server = openGlance(glance);
  return [server, await listen(server)];
}
