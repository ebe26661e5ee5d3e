/** A pod behind a node, in a namespace of its own. */
import { link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { run } from '../support/processes.ts';

/** Blocks of the node, and the addresses of a pod in them. */
export const BLOCKS = ['10.65.0.0/26', 'fd65::/122'] as const;
const POD: readonly [string, string] = ['10.65.0.5', 'fd65::5'];
/** The gateways that a pod has, as Calico gives them. */
const GATEWAYS = ['169.254.1.1', 'fe80::1'] as const;

/** Runs several commands in a namespace. */
export function shell(space: Namespace, ...commands: string[]): Promise<string> {
  return run(['sh', '-ec', commands.join('\n')], { space });
}

/** Links a pod with these addresses to its node, as Calico does. Lets the node forward. */
export async function connectPod(
  node: { readonly namespace: Namespace },
  pod: Namespace,
  [ipv4, ipv6] = POD,
): Promise<void> {
  link({ namespace: node.namespace, device: 'cali1', addresses: [] }, { namespace: pod, addresses: [] });
  await shell(
    node.namespace,
    'echo 1 >/proc/sys/net/ipv4/ip_forward',
    'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
    'echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy',
    'echo 1 >/proc/sys/net/ipv6/fib_multipath_hash_policy',
    `ip address add ${GATEWAYS[0]}/32 dev cali1`,
    `ip address add ${GATEWAYS[1]}/64 dev cali1 nodad`,
    `ip route add ${ipv4} dev cali1`,
    `ip route add ${ipv6} dev cali1`,
  );
  await shell(
    pod,
    `ip address add ${ipv4}/32 dev eth0`,
    `ip address add ${ipv6}/128 dev eth0 nodad`,
    `ip route add ${GATEWAYS[0]} dev eth0`,
    `ip route add default via ${GATEWAYS[0]}`,
    `ip -6 route add default via ${GATEWAYS[1]} dev eth0`,
  );
}
