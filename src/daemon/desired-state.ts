/**
 * What the resources ask of this node: neighbours with their policies, and routes to originate. Pure: the same view gives
 * the same answer.
 */
import { isDeepStrictEqual } from 'node:util';
import type { DrainEffects } from '../advertiser/drain.ts';
import { originations, placedWords, withWorkloads } from '../advertiser/originations.ts';
import type { Advertisement, AdvertisementProblem, Workload } from '../advertiser/originations.ts';
import { strandedBlocks } from '../advertiser/stranded-blocks.ts';
import { isExcluded } from '../advertiser/service-context.ts';
import { ServiceLabels } from '../advertiser/service-labels.ts';
import { routingPlan, withBlackholes } from '../encapsulation/cluster-routing.ts';
import type { ClusterRouting, ClusterRoutingOptions, RoutingPlan } from '../encapsulation/cluster-routing.ts';
import { PeeringComputer } from '../peering/peering-computer.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import type { Peering, StaticRoute } from '../peering/peering.ts';
import type { NodeIdentity, Self } from '../peering/self.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Labels } from '../resources/selector.ts';
import { Derived } from './derived.ts';
import { loopPreventionPlan } from './loop-prevention-plan.ts';
import type { LoopPreventionPlan, LoopPreventionSettings } from './loop-prevention-plan.ts';
import { NeighbourPolicies, arePoliciesAlike } from './neighbour-policies.ts';
import type { Policies, PolicyInputs } from './neighbour-policies.ts';
import { SettledNodes } from './settled-nodes.ts';

export interface DesiredNeighbour {
  readonly neighbour: Neighbour;
  readonly policies: Policies;
}

/** What counts beside the resources. */
export interface DesiredStateInputs {
  /** Workloads of this node, as the kernel has routes to them. */
  readonly workloads: readonly Workload[];
  /** Undefined where the FIB is switched off. */
  readonly kernel: (ClusterRoutingOptions & { readonly loopPrevention?: LoopPreventionSettings['mode'] }) | undefined;
  /** What a drain makes of it; nothing where it is left out. */
  readonly drain?: DrainEffects;
  /** How routes to services are told; there are none where it is left out. */
  readonly services?: ServiceTelling;
}

export interface ServiceTelling {
  /** What the labels of the routes mean. */
  readonly labels: ServiceLabels;
  /** The selectors by which the labels of the routes that are told pick peers, sorted. */
  readonly peerSelectors: readonly string[];
  /** Whether they are told as Calico tells them. */
  readonly strict: boolean;
}

export interface DesiredState {
  /** This node; undefined where the resources don't know it. */
  readonly self: Self | undefined;
  /** By key. */
  readonly neighbours: ReadonlyMap<string, DesiredNeighbour>;
  /** The policies of a neighbour that was wanted before; undefined where the resources don't know this node. */
  readonly policiesOf: ((neighbour: Neighbour) => Policies) | undefined;
  /** Metric of normal routes, by family. */
  readonly normalMetric: readonly [number, number];
  /** Routes by which neighbours are reached. */
  readonly staticRoutes: readonly StaticRoute[];
  /** With its routes; those to workloads are for the workloads known at the time. */
  readonly advertisement: Advertisement;
  /** Why its routes were left out of it, in words; undefined where they were not. */
  readonly withheld: string | undefined;
  /** Who programs which routes; undefined where the FIB is switched off. */
  readonly routing: ClusterRouting | undefined;
  /** What becomes of packets to addresses of services that nobody serves; undefined where the FIB is switched off. */
  readonly loops: LoopPreventionPlan | undefined;
  /** What is not done as the resources say, a sentence each. */
  readonly problems: readonly string[];
}

/** Works out what this node is to do. */
export function desiredState(view: ClusterView, identity: NodeIdentity, inputs: DesiredStateInputs): DesiredState {
  return new DesiredStateComputer().compute(view, identity, inputs);
}

/**
 * Works out what this node is to do, again and again. The answer depends on the view, the identity and the inputs alone, but
 * what can't have changed since the answer before is not worked out anew, and is the same object: each neighbour, all of
 * them, and the whole where nothing has changed.
 */
export class DesiredStateComputer {
  private readonly peering = new PeeringComputer();
  private readonly nodes = new SettledNodes();
  private readonly blocks = new Derived<Advertisement>();
  private readonly stranded = new Derived<{ readonly problems: readonly AdvertisementProblem[] }>();
  private readonly plan = new Derived<RoutingPlan | undefined>();
  private readonly routing = new Derived<ClusterRouting | undefined>();
  private readonly loops = new Derived<LoopPreventionPlan | undefined>();
  private readonly compiled = new Derived<CompiledNeighbours>();
  private readonly noServices: ServiceTelling = { labels: new ServiceLabels(), peerSelectors: [], strict: false };
  private advertisement: Advertisement | undefined;
  private neighbours: ReadonlyMap<string, DesiredNeighbour> = new Map();
  private last: { readonly parts: readonly unknown[]; readonly state: DesiredState } | undefined;

  compute(view: ClusterView, identity: NodeIdentity, inputs: DesiredStateInputs): DesiredState {
    const { workloads, kernel, drain, services = this.noServices } = inputs;
    const peering = this.peering.compute(view, identity);
    const blocks = this.blocks.of(view, [identity.name], (read) => this.keepLists(originations(read, identity, [])));
    const nodeLabels = view.get('Node', identity.name)?.metadata.labels ?? NO_LABELS;
    const stranded = this.stranded.of(view, [identity.name, blocks.blocks, JSON.stringify(nodeLabels)], (read) => ({
      problems: strandedBlocks(read, { name: identity.name, labels: nodeLabels }, blocks.blocks),
    }));
    const { labels, peerSelectors, strict } = services;
    const plan = this.plan.of(this.nodes.of(view), [identity.name, kernel?.felix, kernel?.tunl0, strict], (read) =>
      kernel === undefined ? undefined : routingPlan(read, identity, { ...kernel, strict }),
    );
    const routing = this.routing.of(view, [identity.name, plan], (read) => this.routingOf(plan, read, identity));
    const excluded = isExcluded(nodeLabels);
    const gracefulShutdown = drain?.gracefulShutdown === true;
    const needs = [
      peering,
      excluded,
      ...whatPoliciesNeed(blocks),
      labels,
      JSON.stringify(peerSelectors),
      strict,
      gracefulShutdown,
    ];
    const compiled = this.compiled.of(view, needs, (read) =>
      this.compile(peering, {
        view: read,
        advertisement: blocks,
        self: peering.self,
        excluded,
        labels,
        peerSelectors,
        strict,
        gracefulShutdown,
      }),
    );
    const { felix, loopPrevention: mode = 'auto' } = kernel ?? {};
    const loops = this.loops.of(view, [identity.name, felix, mode], (read) =>
      felix === undefined ? undefined : loopPreventionPlan(read, identity.name, { felix, mode }),
    );
    const parts = [peering, blocks, stranded, routing, loops, compiled, workloads, drain?.withholdPods];
    if (this.last !== undefined && this.last.parts.every((part, i) => part === parts[i])) return this.last.state;
    const problems = [peering, blocks, stranded, routing, compiled].flatMap((part) => part?.problems ?? []);
    const state: DesiredState = {
      self: peering.self,
      neighbours: compiled.neighbours,
      policiesOf: peering.self === undefined ? undefined : compiled.policiesOf,
      normalMetric: compiled.normalMetric,
      staticRoutes: peering.staticRoutes,
      advertisement: drain?.withholdPods === true ? { ...blocks, routes: [] } : withWorkloads(blocks, workloads),
      withheld: drain?.withholdPods === true ? 'the node is drained' : undefined,
      routing,
      loops,
      problems: problems.map(placedWords),
    };
    this.last = { parts, state };
    return state;
  }

  /** That of before where the blocks of other nodes changed only. */
  private routingOf(plan: RoutingPlan | undefined, view: ClusterView, identity: NodeIdentity) {
    const now = plan === undefined ? undefined : withBlackholes(plan, view, identity);
    const before = this.last?.state.routing;
    const isSame = before?.rules === now?.rules && isDeepStrictEqual(before?.blackholes, now?.blackholes);
    return isSame ? before : now;
  }

  /** Lists that are equal to those of before are those. */
  private keepLists(now: Advertisement): Advertisement {
    const { advertisement: before } = this;
    const keep = <T>(old: T | undefined, item: T): T =>
      old !== undefined && isDeepStrictEqual(old, item) ? old : item;
    this.advertisement = { ...now, blocks: keep(before?.blocks, now.blocks), pools: keep(before?.pools, now.pools) };
    return this.advertisement;
  }

  private compile(peering: Peering, inputs: PolicyInputs): CompiledNeighbours {
    const policies = new NeighbourPolicies(inputs);
    const kept = new Map<Policies, Policies>();
    const neighbours = new Map<string, DesiredNeighbour>();
    let isSame = peering.neighbours.length === this.neighbours.size;
    for (const neighbour of peering.neighbours) {
      const before = this.neighbours.get(neighbour.key);
      const now = policies.of(neighbour);
      // Those of one neighbour before may serve for all that have the same now.
      if (!kept.has(now))
        kept.set(now, before !== undefined && arePoliciesAlike(before.policies, now) ? before.policies : now);
      const own = kept.get(now) ?? now;
      const entry = before?.neighbour === neighbour && before.policies === own ? before : { neighbour, policies: own };
      isSame &&= entry === before;
      neighbours.set(neighbour.key, entry);
    }
    if (!isSame) this.neighbours = neighbours;
    const { normalMetric, problems } = policies;
    return { neighbours: this.neighbours, policiesOf: (neighbour) => policies.of(neighbour), normalMetric, problems };
  }
}

interface CompiledNeighbours {
  readonly neighbours: DesiredState['neighbours'];
  readonly policiesOf: NonNullable<DesiredState['policiesOf']>;
  readonly normalMetric: DesiredState['normalMetric'];
  readonly problems: NeighbourPolicies['problems'];
}

const NO_LABELS: Labels = {};

/** Blocks of other nodes, and what is said about them, are nothing to policies. */
const NOT_FOR_POLICIES: readonly string[] = ['routes', 'cluster', 'problems', 'normalMetric'];

function whatPoliciesNeed(advertisement: Advertisement): readonly unknown[] {
  return Object.entries(advertisement).flatMap(([field, value]) => (NOT_FOR_POLICIES.includes(field) ? [] : [value]));
}
