/** The chains by which packets come in, and those that are the same for all workloads. */
import { tryParsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { ChainDeclaration } from '../nftables/table-writer.ts';
import type { LocalHost } from '../policy/model.ts';
import type { IpVersion } from '../policy/rule.ts';
import type { PolicySettings } from '../policy/settings.ts';
import { HEADERS, VERSIONS, addressMatch, versionOfPrefix } from './families.ts';
import { failsafeChains, hostBaseChains, hostDispatch } from './host-chains.ts';
import { LONGEST_INTERFACE_NAME, isInterfaceName } from './names.ts';
import type { Chains } from './rule-chains.ts';

/** Maps of interfaces to what is asked about packets from, and to, the workload there. */
export const FROM_WORKLOAD = 'from_workload';
export const TO_WORKLOAD = 'to_workload';

/** Sets of interfaces and the sources beside its own addresses that the workload there may use. */
export const SPOOFABLE: Readonly<Record<IpVersion, string>> = { 4: 'spoofable4', 6: 'spoofable6' };

/** What the chains depend on. */
export interface BaseContext {
  readonly settings: PolicySettings;
  /** By interface. */
  readonly hosts: ReadonlyMap<string, LocalHost>;
  /** Families in which a workload has sources of others. */
  readonly spoofable: readonly IpVersion[];
  /** Interfaces of workloads whose names begin with none of the prefixes. */
  readonly strays: readonly string[];
}

/** Base chains that packets from or to workloads leave by `goto`: what runs off the end of a chain is dropped. */
const closed = (hook: string, priority: number) => `type filter hook ${hook} priority ${priority}; policy drop;`;
const open = (hook: string, priority: number) => `type filter hook ${hook} priority ${priority}; policy accept;`;

/** Before connection tracking, as the kernel's `raw`. */
const RAW = -300;

export function baseChains(context: BaseContext): Chains {
  const { settings, hosts } = context;
  const from = (chain: string) => dispatch('iifname', context, `goto ${chain}`);
  const to = (chain: string) => dispatch('oifname', context, `goto ${chain}`);
  const chains: Record<string, ChainDeclaration> = {
    sources: { base: open('prerouting', RAW), rules: from('workload_source') },
    workload_source: {
      comment: 'drops what does not come from the address of the workload',
      rules: sourceRules(context),
    },
    forward_from: {
      base: closed('forward', 0),
      rules: [...from('workload_egress'), ...hostDispatch(hosts, 'forward', 'ingress'), 'accept'],
    },
    workload_egress: {
      comment: 'what workloads send',
      rules: [`iifname vmap @${FROM_WORKLOAD}`, 'drop comment "unknown workload interface"'],
    },
    // An accept ends only its own base chain, so that destinations are asked beside sources.
    forward_to: {
      base: closed('forward', 1),
      rules: [...to('workload_ingress'), ...hostDispatch(hosts, 'forward', 'egress'), 'accept'],
    },
    workload_ingress: {
      comment: 'what workloads are sent',
      rules: [`oifname vmap @${TO_WORKLOAD}`, 'drop comment "unknown workload interface"'],
    },
    input_from: {
      base: closed('input', 0),
      rules: [...from('workload_to_host'), ...hostDispatch(hosts, 'host', 'ingress'), 'accept'],
    },
    workload_to_host: {
      comment: 'what workloads send to the host itself',
      rules: [...servicesOfHost(settings), 'goto workload_egress'],
    },
    ...(settings.endpointToHost === 'Drop' ? endpointToHost(context) : {}),
  };
  return new Map([
    ...Object.entries(chains),
    // Probes and proxies of the node reach its workloads whatever policies say.
    ...hostBaseChains(hosts, dispatch('oifname', context, 'accept')),
    ...failsafeChains(settings),
    ...translation(settings),
    ...loops(settings),
  ]);
}

/** Gives packets of workloads a verdict. */
function dispatch(key: 'iifname' | 'oifname', { settings, strays }: BaseContext, verdict: string): string[] {
  // Nothing can follow a prefix that is as long as names can be, and nft takes no `*` there.
  const prefixes = settings.interfacePrefixes
    .filter(isInterfaceName)
    .map((prefix) => (prefix.length < LONGEST_INTERFACE_NAME ? `${prefix}*` : prefix));
  return [...prefixes, ...strays].map((name) => `${key} "${name}" ${verdict}`);
}

/** After the policies of the workload let a packet to the host pass, see `endpointToHostAction`. */
function endpointToHost(context: BaseContext): Record<string, ChainDeclaration> {
  return {
    input_to: {
      base: closed('input', 1),
      rules: [...dispatch('iifname', context, 'goto host_of_workload'), 'accept'],
    },
    host_of_workload: {
      comment: 'what policies let workloads send to the host itself',
      rules: [
        'ct state established,related accept',
        ...servicesOfHost(context.settings),
        'drop comment "defaultEndpointToHostAction"',
      ],
    },
  };
}

function sourceRules({ settings, spoofable }: BaseContext): string[] {
  const { openstack, sourceSpoofing } = settings;
  return [
    // Who has no address yet asks whether somebody else has it (RFC 4862 §5.4.2), for routers, and joins groups (RFC 3590).
    'ip6 saddr :: icmpv6 type { 131, 132, 133, 135, 143 } accept',
    ...(openstack === undefined
      ? []
      : ['ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept comment "DHCP"']),
    ...(sourceSpoofing ? spoofable : []).map(
      (version) => `iifname . ${HEADERS[version]} saddr @${SPOOFABLE[version]} accept`,
    ),
    'fib saddr . mark . iif oif 0 drop comment "spoofed source"',
  ];
}

/** What a host answers its workloads whatever policies say. */
function servicesOfHost({ openstack }: PolicySettings): string[] {
  const discovery = 'icmpv6 type { 130, 131, 132, 133, 135, 136 } accept comment "neighbour discovery"';
  if (openstack === undefined) return [discovery];
  const address = tryParsePrefix(openstack.metadataAddress);
  const metadata = (to: Prefix) =>
    `${addressMatch(versionOfPrefix(to), 'daddr', [to])} tcp dport ${openstack.metadataPort} accept comment "metadata"`;
  return [
    discovery,
    ...(address === undefined ? [] : [metadata(address)]),
    'meta nfproto ipv4 udp sport 68 udp dport 67 accept comment "DHCP"',
    'meta nfproto ipv6 udp sport 546 udp dport 547 accept comment "DHCP"',
    'udp dport 53 accept comment "DNS"',
  ];
}

/** Other destinations see an address of the node in place of a pool's. Ports at random, as others translate as well. */
function translation({ masquerade }: PolicySettings): [string, ChainDeclaration][] {
  const rules = VERSIONS.flatMap((version) => {
    const sources = masquerade.sources.filter((prefix) => versionOfPrefix(prefix) === version);
    const pools = masquerade.pools.filter((prefix) => versionOfPrefix(prefix) === version);
    if (sources.length === 0) return [];
    const outside = pools.length === 0 ? '' : `${addressMatch(version, 'daddr', pools, true)} `;
    return [`${addressMatch(version, 'saddr', sources)} ${outside}masquerade fully-random`];
  });
  // Behind kube-proxy and the like, which are at 100.
  const base = 'type nat hook postrouting priority 110; policy accept;';
  return rules.length === 0 ? [] : [['outgoing', { base, optional: true, rules }]];
}

/** Packets to addresses of services that nobody serves would come back by the route by which they leave. */
function loops({ loops }: PolicySettings): [string, ChainDeclaration][] {
  if (loops === undefined) return [];
  const verdict = loops.action === 'Drop' ? 'drop' : 'reject';
  const rules = VERSIONS.flatMap((version) => {
    const ranges = loops.ranges.filter((prefix) => versionOfPrefix(prefix) === version);
    return ranges.length === 0 ? [] : [`${addressMatch(version, 'daddr', ranges)} ${verdict}`];
  });
  if (rules.length === 0) return [];
  const base = open('forward', 10);
  return [['loops', { base, optional: true, rules: ['ct state established,related accept', ...rules] }]];
}
