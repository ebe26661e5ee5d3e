/** From the resources to the routes this node should originate, and to what the export defaults need to know. */
import { addressBits } from '../net/family.ts';
import { formatPrefix, parsePrefix, prefixContains, wordMask } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { bgpSettings } from '../resources/bgp-settings.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import { isConfirmedBlock } from '../resources/kinds/block-affinity.ts';
import type { BlockAffinity } from '../resources/kinds/block-affinity.ts';

/** A route of this node's own. */
export interface Origination {
  readonly prefix: Prefix;
  /** `workload`: the route to one workload of this node, for which no block of the node stands. */
  readonly kind: 'block' | 'workload';
  /** Why it is originated, as a sentence. */
  readonly reason: string;
  /** The interface of the workload. */
  readonly interface?: string;
  /** Metric that the route is to have, where that is better than that of normal routes. */
  readonly metric?: number;
}

/** A workload of this node: a host prefix, and how the kernel reaches it, as far as that is known. */
export interface Workload extends Prefix {
  readonly interface?: string;
  /** Metric of the route, 0 where it has none. */
  readonly metric?: number;
}

/** A block this node advertises. */
export interface OwnBlock {
  readonly prefix: Prefix;
  /** Whether the block stands for all within it, so that nothing more specific is advertised. */
  readonly aggregate: boolean;
}

/** An IPPool as far as the export of routes goes. */
export interface AdvertisedPool {
  readonly name: string;
  readonly prefix: Prefix;
  readonly disableBGPExport: boolean;
}

/** Something in the resources that contradicts itself. */
export interface AdvertisementProblem {
  /** The resource it is about, e.g. `BlockAffinity n1-10-244-1-0-26`. */
  readonly resource: string;
  /** Field of its spec, or empty where it is the resource as a whole. */
  readonly field: string;
  /** What it means and what to do, as a sentence. */
  readonly message: string;
}

/** A problem with the place where it is. */
export function placedWords({ resource, field, message }: AdvertisementProblem): string {
  return `${resource}${field === '' ? '' : `: ${field}`}: ${message}`;
}

/** What a node advertises by itself. Each list has one order, whatever the order of changes was. */
export interface Advertisement {
  /** By prefix. */
  readonly routes: readonly Origination[];
  /** By prefix. */
  readonly blocks: readonly OwnBlock[];
  /** Metric of normal routes, by family. */
  readonly normalMetric: readonly [number, number];
  /** By name. */
  readonly pools: readonly AdvertisedPool[];
  readonly problems: readonly AdvertisementProblem[];
  /** All blocks of the cluster. */
  readonly cluster: ClusterBlocks;
}

/** The blocks of a cluster, to be found by an address within them. Asked for seldom, and worked out only then. */
export class ClusterBlocks {
  private readonly affinities: readonly BlockAffinity[];
  private blocks: { readonly lengths: readonly number[]; readonly nodes: ReadonlyMap<string, string> } | undefined;

  constructor(affinities: readonly BlockAffinity[]) {
    this.affinities = affinities;
  }

  /** Lengths of blocks, the longest first. */
  get lengths(): readonly number[] {
    return (this.blocks ??= clusterBlocks(this.affinities)).lengths;
  }

  /** Nodes by text of the block, those that confirmed it only if there are any. */
  get nodes(): ReadonlyMap<string, string> {
    return (this.blocks ??= clusterBlocks(this.affinities)).nodes;
  }
}

/**
 * The routes that a node originates: its blocks, and routes to those of its `workloads` (host prefixes, as the kernel has
 * them) for which no block stands, or whose metric is better than that of normal routes, as it is while a workload moves from
 * one node to another. A block counts from when the node's claim to it is confirmed; while the claim is being
 * given up, the block is still announced, but not in place of what is more specific within it.
 */
export function originations(
  view: ClusterView,
  node: { readonly name: string },
  workloads: readonly Workload[],
): Advertisement {
  return withWorkloads(blockAdvertisement(view, node), workloads);
}

/**
 * The same advertisement with other workloads of the node. Costs a few look-ups for each of them, however many resources
 * there are.
 */
export function withWorkloads(advertisement: Advertisement, workloads: readonly Workload[]): Advertisement {
  const { routes, blocks, cluster, normalMetric } = advertisement;
  const aggregates = blocks.filter(({ aggregate }) => aggregate);
  const own = routes.filter(({ kind }) => kind === 'block');
  const taken = new Set(own.map(({ prefix }) => formatPrefix(prefix)));
  const hosts: Origination[] = [];
  for (const workload of workloads) {
    const { interface: link, metric = 0, ...prefix } = workload;
    const text = formatPrefix(prefix);
    const moves = metric > 0 && metric < normalMetric[prefix.family];
    if (taken.has(text)) continue;
    if (!moves && aggregates.some((block) => prefixContains(block.prefix, prefix))) continue;
    taken.add(text);
    const reason = workloadReason(prefix, blocks, cluster) + (moves ? ` Its route has the metric ${metric}.` : '');
    const way = { ...(link !== undefined && { interface: link }), ...(moves && { metric }) };
    hosts.push({ prefix, kind: 'workload', reason, ...way });
  }
  if (hosts.length === 0 && own.length === routes.length) return advertisement;
  return { ...advertisement, routes: [...own, ...hosts].sort((a, b) => comparePrefixes(a.prefix, b.prefix)) };
}

function blockAdvertisement(view: ClusterView, node: { readonly name: string }): Advertisement {
  const affinities = view.list('BlockAffinity').filter(counts);
  const settings = bgpSettings(view);
  const own = byPrefix(affinities.filter(({ spec }) => spec.node === node.name));
  return {
    routes: own.map(origination),
    cluster: new ClusterBlocks(affinities),
    normalMetric: [settings.ipv4NormalRoutePriority, settings.ipv6NormalRoutePriority],
    blocks: own.map((affinity) => ({ prefix: parsePrefix(affinity.spec.cidr), aggregate: isConfirmedBlock(affinity) })),
    pools: view.list('IPPool').map(({ metadata, spec }) => ({
      name: metadata.name,
      prefix: parsePrefix(spec.cidr),
      disableBGPExport: spec.disableBGPExport,
    })),
    problems: sharedProblems(own.filter(isConfirmedBlock), affinities),
  };
}

/** Whether an affinity makes a node advertise a block. Virtual ones, those of load balancers, belong to no node. */
function counts({ spec }: BlockAffinity): boolean {
  return spec.type === 'host' && !spec.deleted && spec.state !== 'pending';
}

/** One affinity for each block, a confirmed one if there is one, sorted by prefix. */
function byPrefix(affinities: readonly BlockAffinity[]): readonly BlockAffinity[] {
  const chosen = new Map<string, BlockAffinity>();
  for (const affinity of affinities) {
    const first = chosen.get(affinity.spec.cidr);
    if (first === undefined || (!isConfirmedBlock(first) && isConfirmedBlock(affinity)))
      chosen.set(affinity.spec.cidr, affinity);
  }
  return [...chosen.values()].sort((a, b) => comparePrefixes(parsePrefix(a.spec.cidr), parsePrefix(b.spec.cidr)));
}

function comparePrefixes(a: Prefix, b: Prefix): number {
  let order = a.family - b.family;
  for (let word = 0; word < 4 && order === 0; word++) order = a.words[word] - b.words[word];
  return order || a.length - b.length;
}

function origination(affinity: BlockAffinity): Origination {
  const prefix = parsePrefix(affinity.spec.cidr);
  const block = `Block ${formatPrefix(prefix)}`;
  const source = `BlockAffinity "${affinity.metadata.name}"`;
  const reason = isConfirmedBlock(affinity)
    ? `${block} belongs to this node (${source}).`
    : `${block} still belongs to this node, which is giving it up (${source} is pendingDeletion).`;
  return { prefix, kind: 'block', reason };
}

function clusterBlocks(affinities: readonly BlockAffinity[]) {
  const nodes = new Map<string, string>();
  const lengths = new Set<number>();
  for (const affinity of affinities) {
    const { cidr, node } = affinity.spec;
    if (!nodes.has(cidr) || isConfirmedBlock(affinity)) nodes.set(cidr, node);
    lengths.add(Number(cidr.split('/')[1]));
  }
  return { lengths: [...lengths].sort((a, b) => b - a), nodes };
}

function workloadReason(prefix: Prefix, own: readonly OwnBlock[], cluster: ClusterBlocks): string {
  const address = formatPrefix(prefix).split('/')[0];
  const here = `Workload ${address} runs on this node`;
  const left = own.find((block) => prefixContains(block.prefix, prefix));
  if (left?.aggregate === true) return `${here}, inside its block ${formatPrefix(left.prefix)}.`;
  if (left !== undefined) return `${here}, which is giving up block ${formatPrefix(left.prefix)} that it is in.`;
  if (cluster.nodes.size === 0) return `${here}, and the cluster has no blocks.`;
  for (const length of cluster.lengths) {
    if (length > addressBits(prefix.family)) continue;
    const block = formatPrefix(shortened(prefix, length));
    const node = cluster.nodes.get(block);
    if (node !== undefined) return `${here} with an address borrowed from block ${block} of node "${node}".`;
  }
  return `${here}, and its address is in no block.`;
}

/** The prefix of `length` bits that the address is in. */
function shortened({ family, words }: Prefix, length: number): Prefix {
  const [a0, a1, a2, a3] = words.map((word, i) => (word & wordMask(length - i * 32)) >>> 0);
  return { family, words: [a0, a1, a2, a3], length };
}

/** Two nodes that both believe to own a block draw each other's traffic. */
function sharedProblems(own: readonly BlockAffinity[], all: readonly BlockAffinity[]): readonly AdvertisementProblem[] {
  const others = new Map(own.map(({ spec }): [string, BlockAffinity[]] => [spec.cidr, []]));
  for (const affinity of all) others.get(affinity.spec.cidr)?.push(affinity);
  return own.flatMap((affinity) => {
    const claims = others.get(affinity.spec.cidr) ?? [];
    return claims
      .filter((other) => isConfirmedBlock(other) && other.spec.node !== affinity.spec.node)
      .map((other) => shared(affinity, other));
  });
}

function shared({ metadata: { name }, spec: { cidr } }: BlockAffinity, other: BlockAffinity): AdvertisementProblem {
  return {
    resource: `BlockAffinity ${name}`,
    field: 'cidr',
    message: `Block ${cidr} belongs to this node and, by BlockAffinity "${other.metadata.name}", to node "${other.spec.node}" as well: both advertise it. Delete the affinity that is wrong.`,
  };
}
