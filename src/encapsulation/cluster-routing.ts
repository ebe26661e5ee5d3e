/**
 * From the resources to what a node does about the routes between nodes: which it programs into the kernel and how, which it
 * leaves to Felix, what tunnels it sets up, and which blocks of its own it closes. Pure: the same view gives the same answer.
 */
import { addressBits } from '../net/family.ts';
import { formatPrefix, parsePrefix, prefixContains } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { bgpSettings } from '../resources/bgp-settings.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { isConfirmedBlock } from '../resources/kinds/block-affinity.ts';
import { felixSettings } from './felix-settings.ts';
import type { FelixPresence } from './felix-settings.ts';
import { ownershipProblems, tunnelProblems, wireguardProblems } from './ownership-problems.ts';
import { POOL_KINDS, POOL_KIND_WORDS, poolsOf } from './pools.ts';
import type { Pool } from './pools.ts';
import type { EncapsulationProblem } from './problem.ts';
import { routeOwners } from './route-owners.ts';
import type { Ownership, RouteOwners } from './route-owners.ts';
import { vxlanPlans } from './vxlan-plan.ts';
import type { VxlanPlan } from './vxlan-plan.ts';

/** What becomes of the routes within a prefix: left to others, programmed as they are, or by a tunnel. */
export interface ClusterRouteRule {
  readonly prefix: Prefix;
  /** The rule is for `prefix` and all that lies within it. */
  readonly match: 'within';
  readonly verdict: 'reject' | 'plain' | 'ipip' | 'ipip-cross-subnet' | 'vxlan' | 'vxlan-cross-subnet';
  /** The pool or prefix, who programs its routes, and what says so. */
  readonly why: string;
}

/** A block that the kernel should drop packets to, except where a workload has a route of its own. */
export interface Blackhole {
  readonly prefix: Prefix;
  /** As a sentence. */
  readonly reason: string;
}

/** Each list has one order, whatever the order of changes was. */
export interface ClusterRouting {
  /** The first that matches counts; what none matches is programmed as it is. */
  readonly rules: readonly ClusterRouteRule[];
  /** By family. Empty where no pool needs one, or VXLAN is switched off. */
  readonly vxlan: readonly VxlanPlan[];
  /** Equal for equal plans. */
  readonly vxlanKey: string;
  readonly blackholes: readonly Blackhole[];
  /** Whether single addresses that this node advertises for services are blackholes, too, unless a rule rejects them. */
  readonly closesServices: boolean;
  readonly problems: readonly EncapsulationProblem[];
  /** What the names of the interfaces of workloads begin with, where Felix is told so. */
  readonly workloadPrefixes: readonly string[];
  /** Who programs which kind of pool, and why, in sentences. */
  readonly words: string;
}

export interface ClusterRoutingOptions {
  readonly felix: FelixPresence;
  /** Whether the kernel is known to have the device that IPIP needs; otherwise it is named where nobody sets it up. */
  readonly tunl0?: boolean;
  /** Whether services are to the kernel what they are with Calico. */
  readonly strict?: boolean;
}

/** All of it but what follows from the blocks, which come and go far more often than the rest. */
export type RoutingPlan = Omit<ClusterRouting, 'blackholes'>;

/** Works out who programs the routes between nodes, on this node. */
export function clusterRouting(
  view: ClusterView,
  node: { readonly name: string },
  options: ClusterRoutingOptions,
): ClusterRouting {
  return withBlackholes(routingPlan(view, node, options), view, node);
}

/** The plan with the blocks that this node closes. */
export function withBlackholes(plan: RoutingPlan, view: ClusterView, node: { readonly name: string }): ClusterRouting {
  return { ...plan, blackholes: blackholes(view, node.name, plan.rules) };
}

/** As {@link clusterRouting}, without a look at the blocks. */
export function routingPlan(
  view: ClusterView,
  node: { readonly name: string },
  options: ClusterRoutingOptions,
): RoutingPlan {
  const felix = felixSettings(view, node.name, options.felix);
  const pools = poolsOf(view);
  const owners = routeOwners(view, felix);
  const rules = [...serviceRules(view), ...pools.map((pool) => poolRule(pool, owners.of[pool.kind]))];
  const nodes = view.list('Node');
  const { owner } = owners.of.vxlan;
  const tunnelled = owner === 'nobody' ? [] : pools.filter(({ kind }) => kind === 'vxlan');
  const vxlan = vxlanPlans(tunnelled, nodes, node.name, felix);
  return {
    rules,
    vxlan: vxlan.plans,
    vxlanKey: JSON.stringify(vxlan.plans),
    closesServices: options.strict === true,
    problems: [
      ...ownershipProblems(pools, owners, felix),
      ...(options.tunl0 === true ? [] : tunnelProblems(pools, owners, felix)),
      ...wireguardProblems(nodes, node.name, felix),
      ...vxlan.problems,
    ],
    workloadPrefixes: prefixesOf(felix.spec.interfacePrefix ?? ''),
    words: ownershipWords(pools, owners),
  };
}

/**
 * Prefixes of services are kube-proxy's: a route for one, ours or learned, would lead packets to another node past it. A single
 * external or load-balancer address is a route like any other.
 */
function serviceRules(view: ClusterView): readonly ClusterRouteRule[] {
  const settings = bgpSettings(view);
  const several = (cidrs: readonly string[]) => cidrs.filter((cidr) => !isSingle(parsePrefix(cidr)));
  const aggregated = settings.serviceLoadBalancerAggregation === 'Enabled';
  const fields = {
    serviceClusterIPs: settings.serviceClusterIPs,
    serviceExternalIPs: several(settings.serviceExternalIPs),
    serviceLoadBalancerIPs: aggregated ? several(settings.serviceLoadBalancerIPs) : [],
  };
  return Object.entries(fields).flatMap(([field, cidrs]) =>
    cidrs.map((cidr) => ({
      prefix: parsePrefix(cidr),
      match: 'within' as const,
      verdict: 'reject' as const,
      why: `addresses of services, which kube-proxy serves on each node: ${cidr} in ${field} of BGPConfiguration "default"`,
    })),
  );
}

function poolRule(pool: Pool, { owner, why }: Ownership): ClusterRouteRule {
  const ours = owner === 'starling' || owner === 'both';
  const { prefix, name, mode, kind, crossSubnet } = pool;
  return {
    prefix,
    match: 'within',
    verdict: ours ? verdictOf(kind, crossSubnet) : 'reject',
    why: `IPPool "${name}" (${mode}); ${OWNER_WORDS[owner]} its routes: ${why}`,
  };
}

function verdictOf(kind: Pool['kind'], crossSubnet: boolean): ClusterRouteRule['verdict'] {
  if (kind === 'plain') return 'plain';
  return crossSubnet ? `${kind}-cross-subnet` : kind;
}

const OWNER_WORDS: Readonly<Record<Ownership['owner'], string>> = {
  starling: 'Starling programs',
  felix: 'Felix programs',
  both: 'Starling and Felix both program',
  nobody: 'nobody programs',
};

/** The blocks whose claim by this node is confirmed. A block of one address is that of a workload, which has its own route. */
function blackholes(view: ClusterView, node: string, rules: readonly ClusterRouteRule[]): readonly Blackhole[] {
  const own = view
    .list('BlockAffinity')
    .filter((affinity) => affinity.spec.node === node && isConfirmedBlock(affinity));
  return [...new Set(own.map(({ spec }) => spec.cidr))].sort().flatMap((cidr) => {
    const prefix = parsePrefix(cidr);
    const left = rules.find((rule) => prefixContains(rule.prefix, prefix))?.verdict === 'reject';
    const reason = `Block ${formatPrefix(prefix)} belongs to this node: what is sent to an address in it that no workload has is dropped here and follows no other route.`;
    return left || isSingle(prefix) ? [] : [{ prefix, reason }];
  });
}

function prefixesOf(list: string): readonly string[] {
  const prefixes = list.split(',').map((text) => text.trim());
  return prefixes.filter((text) => text !== '');
}

function isSingle({ family, length }: Prefix): boolean {
  return length === addressBits(family);
}

function ownershipWords(pools: readonly Pool[], owners: RouteOwners): string {
  if (pools.length === 0) return 'Starling programs all routes: there is no IPPool.';
  const sentences = POOL_KINDS.filter((kind) => pools.some((pool) => pool.kind === kind)).map((kind) => {
    const { owner, why } = owners.of[kind];
    const subject = OWNER_WORDS[owner].replace(/^nobody/, 'Nobody');
    return `${subject} the routes of ${POOL_KIND_WORDS[kind]}: ${why}.`;
  });
  return sentences.join(' ');
}
