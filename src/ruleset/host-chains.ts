/** How packets of HostEndpoints come to be judged. */
import type { ChainDeclaration } from '../nftables/table-writer.ts';
import type { LocalHost } from '../policy/model.ts';
import type { Direction } from '../policy/rule.ts';
import type { Failsafe, PolicySettings } from '../policy/settings.ts';
import { addressMatch, versionOfPrefix } from './families.ts';
import { endpointChain, isInterfaceName } from './names.ts';

type HostLayer = keyof LocalHost['rules'];

/** Stands for every interface that has no HostEndpoint of its own. */
const ALL_INTERFACES = '*';

/**
 * Rules that send packets to the chains of the HostEndpoint at their interface; none where no HostEndpoint has any for the
 * layer and direction. One without them leaves its packets to what follows in other base chains.
 */
export function hostDispatch(hosts: ReadonlyMap<string, LocalHost>, layer: HostLayer, direction: Direction): string[] {
  const key = direction === 'ingress' ? 'iifname' : 'oifname';
  const verdictOf = ({ rules }: LocalHost) => {
    const id = rules[layer]?.[direction];
    return id === undefined ? undefined : `goto ${endpointChain(layer, direction, id)}`;
  };
  const all = hosts.get(ALL_INTERFACES);
  const others = all && verdictOf(all);
  const named = [...hosts.values()]
    .filter(({ interfaceName }) => isInterfaceName(interfaceName))
    .map((host) => ({ name: host.interfaceName, verdict: verdictOf(host) }))
    .filter(({ verdict }) => verdict !== undefined || others !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, verdict }) => `"${name}" : ${verdict ?? 'accept'}`);
  const isJudgedBefore =
    layer !== 'untracked' && [...hosts.values()].some(({ rules }) => rules.untracked !== undefined);
  if (named.length === 0 && others === undefined) return [];
  return [
    ...(isJudgedBefore ? ['ct state untracked accept comment "allowed before connection tracking"'] : []),
    ...(named.length === 0 ? [] : [`${key} vmap { ${named.join(', ')} }`]),
    // What a host says to itself is no matter of the network.
    ...(others === undefined ? [] : [`${key} != "lo" ${others}`]),
  ];
}

/** Base chains that are there for HostEndpoints only, by priority: before tracking, before translation, and where packets leave. */
const BASES: readonly { name: string; layer: HostLayer; direction: Direction; base: string }[] = [
  { name: 'untracked_in', layer: 'untracked', direction: 'ingress', base: 'prerouting priority -299' },
  { name: 'untracked_out', layer: 'untracked', direction: 'egress', base: 'output priority -300' },
  { name: 'pre_dnat', layer: 'preDNAT', direction: 'ingress', base: 'prerouting priority -150' },
];

/** The base chains that some HostEndpoint needs. */
export function* hostBaseChains(
  hosts: ReadonlyMap<string, LocalHost>,
  toWorkload: readonly string[],
): Iterable<[string, ChainDeclaration]> {
  for (const { name, layer, direction, base } of BASES) {
    const rules = hostDispatch(hosts, layer, direction);
    if (rules.length > 0) yield [name, { base: `type filter hook ${base}; policy accept;`, rules }];
  }
  const rules = hostDispatch(hosts, 'host', 'egress');
  if (rules.length === 0) return;
  const base = 'type filter hook output priority 0; policy drop;';
  yield ['output_to', { base, rules: [...toWorkload, ...rules, 'accept'] }];
}

/** The chains of ports that stay open, for layers after connection tracking and before it. */
export function failsafeChains({ failsafes }: PolicySettings): [string, ChainDeclaration][] {
  const ingress = failsafes.ingress.map((one) => failsafe(one, 'saddr', 'dport'));
  const egress = failsafes.egress.map((one) => failsafe(one, 'daddr', 'dport'));
  const answersTo = {
    ingress: failsafes.ingress.map((one) => failsafe(one, 'daddr', 'sport')),
    egress: failsafes.egress.map((one) => failsafe(one, 'saddr', 'sport')),
  };
  const comment = 'what stays open at HostEndpoints whatever policies say';
  return [
    // Without them policies decide.
    ['failsafe_in', { comment, optional: true, rules: ingress }],
    ['failsafe_out', { comment, optional: true, rules: egress }],
    ['failsafe_in_untracked', { comment, optional: true, rules: [...ingress, ...answersTo.egress] }],
    ['failsafe_out_untracked', { comment, optional: true, rules: [...egress, ...answersTo.ingress] }],
  ];
}

function failsafe({ protocol, port, net }: Failsafe, address: 'saddr' | 'daddr', end: 'sport' | 'dport'): string {
  const of = net === undefined || net.length === 0 ? '' : `${addressMatch(versionOfPrefix(net), address, [net])} `;
  const family = net?.length === 0 ? `meta nfproto ipv${versionOfPrefix(net)} ` : '';
  return `${family}${of}meta l4proto ${protocol} th ${end} ${port} accept`;
}
