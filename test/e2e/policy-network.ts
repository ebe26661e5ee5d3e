/**
 * A node with workloads and a place outside, each in a namespace of its own, linked as Calico's network plug-in links them.
 */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { createNamespace } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { Prober } from '../support/policy-prober.ts';

/** Programs that the tests of the policy agent need beside a kernel with namespaces. */
export const POLICY_NEEDS = { root: true, programs: ['ip', 'nsenter', 'setpriv', 'nft'] } as const;

/** The link between the node and the place outside. */
export const UPLINK = {
  device: 'out0',
  node: ['10.99.0.1', 'fd99::1'],
  outside: ['10.99.0.2', 'fd99::2'],
} as const;

/** Served by the node and outside: those of workloads, and some that stay open at hosts whatever policies say. */
const HOST_PORTS = [80, 81, 22, 6443, 53, 67, 68, 547];

/** What the node's interfaces to workloads have for a link address, and the link-local address that follows from it. */
const NODE_MAC = 'ee:ee:ee:ee:ee:ee';
const GATEWAY6 = 'fe80::ecee:eeff:feee:eeee';
const GATEWAY = '169.254.1.1';

/** A workload: a pod, or what else has an interface of its own. */
export interface TestPod {
  /** `namespace/name` of pods. */
  readonly name: string;
  /** One of each family. */
  readonly addresses: readonly [string, string];
  /** By default as of a pod of Kubernetes. */
  readonly interfaceName?: string;
}

/** The pod whose address ends with this number. */
export function pod(name: string, number: number): TestPod {
  return { name, addresses: [`10.65.0.${number}`, `fd65::${number.toString(16)}`] };
}

/** Name of the node's interface to a pod. */
export function interfaceOf({ name, interfaceName }: TestPod): string {
  const hash = createHash('sha1').update(name.replace('/', '.')).digest('hex');
  return interfaceName ?? `cali${hash.slice(0, 11)}`;
}

const NODE_SETTINGS = [
  'echo 1 >/proc/sys/net/ipv4/ip_forward',
  'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
  // Spoofed sources are for the agent to find.
  'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter',
  'echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter',
  // Nobody else has its addresses: none is looked for before it is used.
  'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad',
];

/** `ip` with many lines in a namespace. */
function ipBatch({ name }: Namespace, lines: readonly string[]): void {
  execFileSync('ip', ['-n', name, '-batch', '-'], { input: lines.join('\n'), stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Runs a script in a namespace, and gives what it writes. */
function shell({ name }: Namespace, lines: readonly string[]): string {
  const argv = ['netns', 'exec', name, 'sh', '-ec', lines.join('\n')];
  return execFileSync('ip', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 });
}

/**
 * Hosts of its prober are `node` (at its address of the link to the outside), `outside`, and each workload by its name.
 */
export class PolicyNetwork implements Disposable {
  readonly node: Namespace = createNamespace('policy-node');
  readonly outside: Namespace = createNamespace('policy-out');
  readonly prober = new Prober();
  readonly #pods = new Map<string, { readonly pod: TestPod; readonly namespace: Namespace }>();

  constructor(pods: readonly TestPod[]) {
    shell(this.node, NODE_SETTINGS);
    ipBatch(this.node, [
      `link add ${UPLINK.device} type veth peer name eth0 netns ${this.outside.name}`,
      ...UPLINK.node.map((address) => `address add ${prefixed(address, '24', '64')} dev ${UPLINK.device} nodad`),
      `link set ${UPLINK.device} up`,
    ]);
    ipBatch(this.outside, [
      ...UPLINK.outside.map((address) => `address add ${prefixed(address, '24', '64')} dev eth0 nodad`),
      'link set eth0 up',
      ...UPLINK.node.map((address) => `route add default via ${address}`),
    ]);
    ipBatch(
      this.node,
      UPLINK.outside.map((address) => `route add default via ${address}`),
    );
    this.prober.add({ name: 'node', namespace: this.node.name, addresses: UPLINK.node }, HOST_PORTS);
    this.prober.add({ name: 'outside', namespace: this.outside.name, addresses: UPLINK.outside }, HOST_PORTS);
    this.addPods(pods);
  }

  /** Plugs workloads in: their interfaces are up, and nobody knows of them yet. */
  addPods(pods: readonly TestPod[]): void {
    const added = pods.map((one) => ({ pod: one, namespace: createNamespace('pod') }));
    ipBatch(
      this.node,
      added.flatMap(({ pod: { addresses, ...more }, namespace }) => {
        const name = interfaceOf({ addresses, ...more });
        return [
          `link add ${name} address ${NODE_MAC} type veth peer name eth0 netns ${namespace.name}`,
          `link set ${name} up`,
          ...addresses.map((address) => `route add ${prefixed(address, '32', '128')} dev ${name}`),
        ];
      }),
    );
    shell(
      this.node,
      pods.flatMap((one) => [
        `echo 1 >/proc/sys/net/ipv4/conf/${interfaceOf(one)}/proxy_arp`,
        `echo 0 >/proc/sys/net/ipv4/neigh/${interfaceOf(one)}/proxy_delay`,
        `echo 1 >/proc/sys/net/ipv6/conf/${interfaceOf(one)}/proxy_ndp`,
      ]),
    );
    for (const { pod: one, namespace } of added) {
      ipBatch(namespace, [
        ...one.addresses.map((address) => `address add ${prefixed(address, '32', '128')} dev eth0 nodad`),
        'link set eth0 up',
        `route add ${GATEWAY} dev eth0 scope link`,
        `route add default via ${GATEWAY}`,
        `route add default via ${GATEWAY6} dev eth0`,
      ]);
      this.#pods.set(one.name, { pod: one, namespace });
      this.prober.add({ name: one.name, namespace: namespace.name, addresses: one.addresses });
    }
  }

  /** Takes a workload away, with its interface. */
  removePod(name: string): void {
    this.prober.remove(name);
    this.#pods.get(name)?.namespace[Symbol.dispose]();
    this.#pods.delete(name);
  }

  /** Runs a script on the node, and gives what it writes. */
  onNode(...lines: readonly string[]): string {
    return shell(this.node, lines);
  }

  onOutside(...lines: readonly string[]): string {
    return shell(this.outside, lines);
  }

  /** Runs a script in a workload. */
  inPod(name: string, ...lines: readonly string[]): string {
    return shell(this.#pods.get(name)!.namespace, lines);
  }

  [Symbol.dispose](): void {
    this.prober[Symbol.dispose]();
    for (const { namespace } of this.#pods.values()) namespace[Symbol.dispose]();
    for (const namespace of [this.node, this.outside]) namespace[Symbol.dispose]();
  }
}

function prefixed(address: string, length4: string, length6: string): string {
  return `${address}/${address.includes(':') ? length6 : length4}`;
}
