/**
 * Whether every pod reaches every other one over both switches: asked of the kernel, then tried with packets.
 */
import type { Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { listLinks } from '../fib/netlink/links.ts';
import type { Libc } from '../fib/netlink/libc.ts';
import { DemoError } from './demo-error.ts';
import type { Fabric } from './fabric.ts';
import { kernelPaths } from './kernel-paths.ts';
import { POD_PORT, openPodSocket } from './pod-socket.ts';
import { takers } from './topology.ts';
import type { Addresses, DemoNode, Topology } from './topology.ts';

/** Source ports that each pod sends from to each other one: enough that chance alone doesn't put all on one path. */
const FLOWS = 32;
/** How long to wait for answers, and how often what is unanswered is sent again, in milliseconds. */
const ANSWER_TIME = 5000;
const RESEND_TIME = 250;
/** The least part of a node's packets that each of its uplinks must have carried. */
const LEAST_SHARE = 0.2;
export const FAMILY_KEYS = ['ipv4', 'ipv6'] as const;

/** From one node's pod to that of another. */
export interface PairResult {
  readonly from: string;
  readonly to: string;
  /** Equal paths that the kernel has to the other node's blocks. */
  readonly paths: { readonly ipv4: number; readonly ipv6: number };
  /** How many of {@link FLOWS} flows were answered. */
  readonly answered: { ipv4: number; ipv6: number };
}

/** How many packets a node sent over one of its uplinks. */
export interface UplinkResult {
  readonly node: string;
  readonly uplink: string;
  readonly packets: number;
}

/** What came out of the check. */
export interface Reachability {
  readonly flows: number;
  readonly pairs: readonly PairResult[];
  readonly uplinks: readonly UplinkResult[];
  /** What is not as it should be, a sentence each. */
  readonly faults: readonly string[];
}

/**
 * Waits until every node's kernel has a path over every switch to each block of every other node, and every switch's kernel one to
 * each node that takes the traffic of a service.
 * Calls `check` meanwhile, which may throw. Throws {@link DemoError} after `timeout` milliseconds.
 */
export async function waitForPaths(
  topology: Topology,
  fabric: Fabric,
  timeout: number,
  check: () => void,
): Promise<void> {
  const deadline = performance.now() + timeout;
  for (;;) {
    check();
    const missing = missingPaths(topology, fabric);
    if (missing.length === 0) return;
    if (performance.now() > deadline) {
      throw new DemoError(`After ${timeout / 1000} s these routes are still missing:\n${missing.join('\n')}`);
    }
    await sleep(50);
  }
}

function missingPaths(topology: Topology, fabric: Fabric): string[] {
  const missing = (router: string, wanted: readonly (readonly [prefix: string, paths: number])[]) => {
    const paths = kernelPaths(fabric.at(router).client);
    return wanted
      .filter(([prefix, count]) => paths.get(prefix) !== count)
      .map(([prefix, count]) => `${router}: ${prefix} has ${paths.get(prefix) ?? 0} of ${count} paths`);
  };
  const toServices = topology.services.flatMap((service) => {
    const count = takers(topology, service).length;
    return FAMILY_KEYS.map((family) => [hostPrefix(service.address[family]), count] as const);
  });
  return [
    ...topology.nodes.flatMap((node) => {
      const blocks = others(topology, node).flatMap((other) => FAMILY_KEYS.map((family) => other.blocks[family]));
      return missing(
        node.name,
        blocks.map((block) => [block, topology.tors.length]),
      );
    }),
    ...topology.tors.flatMap(({ name }) => missing(name, toServices)),
  ];
}

/** The prefix that is one address. */
export function hostPrefix(address: string): string {
  return address.includes(':') ? `${address}/128` : `${address}/32`;
}

function others(topology: Topology, node: DemoNode): readonly DemoNode[] {
  return topology.nodes.filter((other) => other !== node);
}

/** Pods that answer every datagram with itself. */
export class Pods implements Disposable {
  private readonly sockets: Socket[];

  constructor(libc: Libc, topology: Topology, fabric: Fabric) {
    this.sockets = topology.nodes.flatMap(({ name, pod }) =>
      [pod.ipv4, pod.ipv6].map((address) =>
        openPodSocket(libc, fabric.at(name), address, POD_PORT, (socket, message, from) => {
          socket.send(message, from.port, from.address);
        }),
      ),
    );
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.close();
  }
}

/** Sends packets from every pod to every other one and looks which links they took. */
export async function tryReachability(
  libc: Libc,
  topology: Topology,
  fabric: Fabric,
  check: () => void,
): Promise<Reachability> {
  const before = uplinkPackets(topology, fabric);
  const pairs = topology.nodes.flatMap((node) => {
    const paths = kernelPaths(fabric.at(node.name).client);
    return others(topology, node).map(({ name, blocks }): PairResult => ({
      from: node.name,
      to: name,
      paths: { ipv4: paths.get(blocks.ipv4) ?? 0, ipv6: paths.get(blocks.ipv6) ?? 0 },
      answered: { ipv4: 0, ipv6: 0 },
    }));
  });
  {
    using flows = new Flows(libc, topology, fabric, pairs);
    await flows.send(check);
  }
  const after = uplinkPackets(topology, fabric);
  const uplinks = after.map((uplink, i) => ({ ...uplink, packets: uplink.packets - before[i].packets }));
  return { flows: FLOWS, pairs, uplinks, faults: [...pairFaults(pairs), ...uplinkFaults(topology, uplinks)] };
}

/** A flow that waits for its answer. */
interface Flow {
  readonly socket: Socket;
  readonly to: string;
  readonly pair: PairResult;
}

/** The flows of all pairs, whose answers are counted in the pairs. */
class Flows implements Disposable {
  /** Those without answer yet, by what they say. */
  private readonly waiting = new Map<string, Flow>();
  private readonly sockets: Socket[] = [];

  constructor(libc: Libc, topology: Topology, fabric: Fabric, pairs: readonly PairResult[]) {
    for (const { name, pod } of topology.nodes) {
      for (const family of FAMILY_KEYS) {
        for (let flow = 0; flow < FLOWS; flow++) {
          const socket = openPodSocket(libc, fabric.at(name), pod[family], 0, (_, message) =>
            this.answered(message.toString(), family),
          );
          this.sockets.push(socket);
          for (const pair of pairs.filter(({ from }) => from === name)) {
            const to = topology.nodes.find((node) => node.name === pair.to)!.pod[family];
            this.waiting.set(`${pair.from} ${pair.to} ${family} ${flow}`, { socket, to, pair });
          }
        }
      }
    }
  }

  /** Sends each flow until it is answered, or time is up. */
  async send(check: () => void): Promise<void> {
    const deadline = performance.now() + ANSWER_TIME;
    while (this.waiting.size > 0 && performance.now() < deadline) {
      for (const [words, { socket, to }] of this.waiting) socket.send(words, POD_PORT, to, () => {});
      const resend = performance.now() + RESEND_TIME;
      while (this.waiting.size > 0 && performance.now() < resend) {
        check();
        await sleep(5);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.close();
  }

  private answered(words: string, family: keyof Addresses): void {
    const flow = this.waiting.get(words);
    if (flow === undefined) return;
    flow.pair.answered[family]++;
    this.waiting.delete(words);
  }
}

function uplinkPackets(topology: Topology, fabric: Fabric): UplinkResult[] {
  return topology.nodes.flatMap(({ name }) => {
    const links = new Map(listLinks(fabric.at(name).client).map((link) => [link.name, link.sentPackets]));
    return topology.tors.map((tor) => ({ node: name, uplink: tor.name, packets: links.get(tor.name) ?? 0 }));
  });
}

function pairFaults(pairs: readonly PairResult[]): string[] {
  return pairs.flatMap(({ from, to, answered }) =>
    FAMILY_KEYS.filter((family) => answered[family] < FLOWS).map(
      (family) =>
        `The pod on ${from} got ${answered[family]} of ${FLOWS} answers from the one on ${to} over ${family}.`,
    ),
  );
}

/** A node sends its own flows, and as many answers to those of the others. */
function uplinkFaults(topology: Topology, uplinks: readonly UplinkResult[]): string[] {
  const sent = 2 * FLOWS * FAMILY_KEYS.length * (topology.nodes.length - 1);
  return uplinks
    .filter(({ packets }) => packets < sent * LEAST_SHARE)
    .map(({ node, uplink, packets }) => `Only ${packets} of about ${sent} packets of ${node} went over ${uplink}.`);
}
