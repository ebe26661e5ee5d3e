/**
 * Who announces services, what the switches make of it, and whether the services answer behind them.
 */
import type { Socket } from 'node:dgram';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Libc } from '../fib/netlink/libc.ts';
import type { RunningDaemon } from './daemons.ts';
import type { Fabric } from './fabric.ts';
import { kernelPaths } from './kernel-paths.ts';
import { POD_PORT, openPodSocket } from './pod-socket.ts';
import { FAMILY_KEYS, hostPrefix } from './reachability.ts';
import type { Topology } from './topology.ts';

/** Flows from each switch to each address. */
const FLOWS = 16;
/** How long to wait for answers, and how often what is unanswered is sent again, in milliseconds. */
const ANSWER_TIME = 5000;
const RESEND_TIME = 250;
const ANY_ADDRESS = { ipv4: '0.0.0.0', ipv6: '::' } as const;

/** What there is for one address of a service. */
export interface ServiceResult {
  readonly service: string;
  readonly address: string;
  readonly podsOn: readonly string[];
  /** Nodes that announce it, and those that do so as a backup. */
  readonly primary: readonly string[];
  readonly backup: readonly string[];
  /** Equal paths in the kernel of each switch, in the order of the topology. */
  readonly paths: readonly number[];
  readonly flows: number;
  /** How many of the flows were answered; undefined where none was sent. */
  answered: number | undefined;
}

/** Looks at all services; flows are sent where `withFlows` says that there is something that leads them to pods. */
export async function tryServices(
  libc: Libc,
  topology: Topology,
  fabric: Fabric,
  daemons: readonly RunningDaemon[],
  withFlows: boolean,
  check: () => void,
): Promise<readonly ServiceResult[]> {
  const states = new Map(
    await Promise.all(topology.nodes.map(async ({ name }) => [name, await announced(daemons, name)] as const)),
  );
  const paths = topology.tors.map(({ name }) => kernelPaths(fabric.at(name).client));
  const results = topology.services.flatMap(({ name, address, podsOn }) =>
    FAMILY_KEYS.map((family): ServiceResult => {
      const inState = (state: string) =>
        [...states].filter(([, of]) => of.get(address[family]) === state).map(([node]) => node);
      return {
        service: name,
        address: address[family],
        podsOn,
        primary: inState('advertised'),
        backup: inState('backup'),
        paths: paths.map((of) => of.get(hostPrefix(address[family])) ?? 0),
        flows: FLOWS * topology.tors.length,
        answered: withFlows ? 0 : undefined,
      };
    }),
  );
  if (withFlows) await sendFlows(libc, topology, fabric, results, check);
  return results;
}

/** What a node says of the addresses of services, by address. */
async function announced(daemons: readonly RunningDaemon[], node: string): Promise<ReadonlyMap<string, string>> {
  const { socket } = daemons.find(({ router }) => router.name === node)!;
  const body = await new Promise<unknown>((resolve, reject) => {
    const asked = request({ socketPath: socket, path: '/api/v1/services' }, (response) => {
      json(response).then(resolve, reject);
    });
    asked.on('error', reject).end();
  });
  const { services } = body as { services: { addresses: { address: string; state: string }[] }[] };
  return new Map(services.flatMap(({ addresses }) => addresses).map(({ address, state }) => [address, state]));
}

/** Sends flows from the switches until each is answered, or time is up; counts the answers in the results. */
async function sendFlows(
  libc: Libc,
  topology: Topology,
  fabric: Fabric,
  results: readonly ServiceResult[],
  check: () => void,
): Promise<void> {
  const waiting = new Map<Socket, ServiceResult>();
  const sockets: Socket[] = [];
  const answer = (socket: Socket) => {
    const result = waiting.get(socket);
    if (result?.answered !== undefined) result.answered++;
    waiting.delete(socket);
  };
  for (const { name } of topology.tors) {
    for (const result of results) {
      for (let flow = 0; flow < FLOWS; flow++) {
        const from = ANY_ADDRESS[result.address.includes(':') ? 'ipv6' : 'ipv4'];
        const socket = openPodSocket(libc, fabric.at(name), from, 0, answer);
        sockets.push(socket);
        waiting.set(socket, result);
      }
    }
  }
  try {
    const deadline = performance.now() + ANSWER_TIME;
    while (waiting.size > 0 && performance.now() < deadline) {
      for (const [socket, { service, address }] of waiting) socket.send(service, POD_PORT, address, () => {});
      const resend = performance.now() + RESEND_TIME;
      while (waiting.size > 0 && performance.now() < resend) {
        check();
        await sleep(5);
      }
    }
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** What is not as it should be, a sentence each. */
export function serviceFaults(results: readonly ServiceResult[]): string[] {
  return results
    .filter(({ answered, flows }) => answered !== undefined && answered < flows)
    .map(({ service, address, answered, flows }) => `${service} gave ${answered} of ${flows} answers at ${address}.`);
}
