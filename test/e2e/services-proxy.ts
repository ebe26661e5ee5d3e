/** kube-proxy's part on a node: addresses of services are rewritten to those of pods, by nftables. */
import { execFileSync } from 'node:child_process';
import type { Namespace } from '../support/namespaces.ts';
import { SERVICE_PORT } from './services-traffic.ts';

/** A pod that a service sends requests to. */
export interface ProxyEndpoint {
  readonly nodeName: string;
  /** IPv4 and IPv6. */
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
}

/** An address of a service. */
export interface ProxyAddress {
  readonly address: string;
  /** Only endpoints of the node itself may get its requests (traffic policy Local), with the client's address. */
  readonly local: boolean;
  readonly endpoints: readonly ProxyEndpoint[];
}

const isIpv6 = (address: string) => address.includes(':');

/** Ready endpoints, or those that still serve where none is (KEP-1669). */
function usable(endpoints: readonly ProxyEndpoint[]): readonly ProxyEndpoint[] {
  const ready = endpoints.filter((one) => one.ready);
  return ready.length > 0 ? ready : endpoints.filter(({ serving, terminating }) => serving && terminating);
}

function rule(nodeName: string, { address, local, endpoints }: ProxyAddress): string {
  const family = isIpv6(address) ? 'ip6' : 'ip';
  const matches = `${family} daddr ${address} meta l4proto { tcp, udp } th dport ${SERVICE_PORT}`;
  const here = local ? endpoints.filter((one) => one.nodeName === nodeName) : endpoints;
  const pods = usable(here).flatMap(({ addresses }) => addresses.filter((pod) => isIpv6(pod) === isIpv6(address)));
  if (pods.length === 0) return `${matches} drop`;
  const map = pods.map((pod, index) => `${index} : ${pod}`).join(', ');
  const chosen = pods.length === 1 ? pods[0] : `numgen random mod ${pods.length} map { ${map} }`;
  return `${matches} ${local ? '' : 'meta mark set 0x4000'} dnat ${family} to ${chosen}`;
}

/** Has a node rewrite just these addresses, from one packet to the next. */
export function proxy(namespace: Namespace, nodeName: string, addresses: readonly ProxyAddress[]): void {
  const rules = addresses.map((address) => `    ${rule(nodeName, address)}`).join('\n');
  const script = `table inet kube_proxy
delete table inet kube_proxy
table inet kube_proxy {
  chain services {
    type nat hook prerouting priority dstnat;
${rules}
  }
  chain outgoing {
    type nat hook postrouting priority srcnat;
    meta mark 0x4000 masquerade
  }
}
`;
  execFileSync('ip', ['netns', 'exec', namespace.name, 'nft', '-f', '-'], {
    input: script,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}
