/** From the resources to the neighbours of a node, again and again: only what can have changed is worked out anew. */
import type { ClusterView } from '../resources/cluster-view.ts';
import type { Kind } from '../resources/kinds.ts';
import type { Node } from '../resources/kinds/node.ts';
import type { Candidate, Outcome } from './candidate.ts';
import { peeringContext } from './context.ts';
import type { PeeringContext } from './context.ts';
import { mergeCandidates } from './merge.ts';
import type { Neighbour } from './neighbour.ts';
import { sameNeighbour } from './neighbour.ts';
import { addressOutcome, nodeOutcome, workloadOutcome } from './outcomes.ts';
import type { Peering } from './peering.ts';
import { addressProblems, withoutNeighbours } from './own-problems.ts';
import type { PeeringProblem } from './problem.ts';
import { peeringRules, sameRule } from './rules.ts';
import type { AddressRule, NodeRule, Rule, WorkloadRule } from './rules.ts';
import { describeSelf, nodeAddresses } from './self.ts';
import type { NodeIdentity, Self } from './self.ts';
import type { Trace } from './step.ts';

/** Kinds of which everything counts. Of the other nodes only what has changed is looked at. */
const COMMON_KINDS: readonly Kind[] = ['BGPPeer', 'BGPConfiguration', 'Secret', 'PeerProfile'];

const NO_OUTCOME: Outcome = { candidates: [], problems: [] };

/** All that holds as long as nothing but other nodes changes. */
interface Frame {
  readonly view: ClusterView;
  readonly node: Node;
  readonly identity: NodeIdentity;
  readonly context: PeeringContext;
  readonly rules: readonly Rule[];
  readonly addressRules: readonly AddressRule[];
  readonly nodeRules: readonly NodeRule[];
  readonly workloads: Outcome;
  /** Addresses that BGPPeers name. */
  readonly named: ReadonlySet<string>;
  /** By name of the node. */
  readonly byNode: Map<string, NodeEntry>;
  readonly byAddress: Map<AddressRule, AddressEntry>;
}

interface NodeEntry {
  readonly node: Node;
  /** Those of its addresses that BGPPeers name. */
  readonly named: readonly string[];
  readonly outcome: Outcome;
}

interface AddressEntry {
  readonly owner: Node | undefined;
  readonly outcome: Outcome;
}

/**
 * Works out the neighbours of a node. The answer depends on the view and the identity alone, but what is the same as in the
 * answer before is the same object, so that it costs little to see what has changed: where no resource has changed that
 * counts, or none in a way that counts, that is the whole answer.
 */
export class PeeringComputer {
  private readonly trace: Trace | undefined;
  private frame: Frame | undefined;
  private nodes: readonly Node[] = [];
  private neighbours: ReadonlyMap<string, Neighbour> = new Map();
  private last: Peering | undefined;

  /** `trace` hears of every decision; what was kept from before is not decided again. */
  constructor(trace?: Trace) {
    this.trace = trace;
  }

  /** The neighbours that node `identity.name` should have. */
  compute(view: ClusterView, identity: NodeIdentity): Peering {
    const node = view.get('Node', identity.name);
    if (node === undefined) return this.unknownNode(identity.name);
    const before = this.frame;
    const nodes = view.list('Node');
    const frame = this.frameFor(view, node, identity);
    if (frame === before && nodes === this.nodes && this.last !== undefined) return this.last;
    const isSame = frame.byNode === before?.byNode;
    const isUnchanged = this.followNodes(frame, nodes);
    this.frame = frame;
    this.nodes = nodes;
    if (isSame && isUnchanged && this.last !== undefined) return this.last;
    this.last = this.answer(frame);
    return this.last;
  }

  private unknownNode(name: string): Peering {
    const message = `There is no Node "${name}", so this node has no AS number, no address and no neighbours. Create it, or correct nodeName.`;
    this.frame = undefined;
    this.neighbours = new Map();
    this.last = keep(this.last, {
      self: undefined,
      neighbours: [],
      staticRoutes: [],
      problems: [{ resource: `Node ${name}`, field: '', message }],
    });
    return this.last;
  }

  /** The frame of before as far as it holds, with all that was worked out in it. */
  private frameFor(view: ClusterView, node: Node, identity: NodeIdentity): Frame {
    const { frame } = this;
    if (frame !== undefined && isFrameOf(frame, view, node, identity)) return frame;
    const fresh = this.newFrame(view, node, identity);
    if (frame === undefined || this.trace !== undefined || !isEquivalent(frame, fresh)) return fresh;
    return { ...frame, view, node, identity };
  }

  private newFrame(view: ClusterView, node: Node, identity: NodeIdentity): Frame {
    const self = describeSelf(view, node, identity);
    const context = peeringContext(view, identity, node, keepSelf(this.last?.self, self), {
      trace: this.trace,
      intern: (neighbour) => {
        const known = this.neighbours.get(neighbour.key);
        return known !== undefined && sameNeighbour(known, neighbour) ? known : neighbour;
      },
    });
    const rules = peeringRules(context);
    const addressRules = rules.filter((rule): rule is AddressRule => rule.ends === 'address');
    const workloadRules = rules.filter((rule): rule is WorkloadRule => rule.ends === 'workloads');
    return {
      view,
      node,
      identity,
      context,
      rules,
      addressRules,
      nodeRules: rules.filter((rule): rule is NodeRule => rule.ends === 'nodes'),
      workloads: workloadOutcome(context, workloadRules),
      named: new Set(addressRules.map(({ remote }) => remote.address)),
      byNode: new Map(),
      byAddress: new Map(),
    };
  }

  /** Brings what depends on other nodes up to date; whether nothing came of it. */
  private followNodes(
    { context, nodeRules, addressRules, named, byNode, byAddress }: Frame,
    nodes: readonly Node[],
  ): boolean {
    let isUnchanged = true;
    const owners = new Map<string, Node>();
    for (const node of nodes) {
      const { name } = node.metadata;
      let entry = byNode.get(name);
      if (entry?.node !== node) {
        const outcome = nodeOutcome(context, nodeRules, node);
        const isSame = entry === undefined ? isEmpty(outcome) : sameOutcome(entry.outcome, outcome);
        isUnchanged &&= isSame;
        entry = {
          node,
          named: namedAddresses(named, node),
          outcome: isSame && entry !== undefined ? entry.outcome : outcome,
        };
        byNode.set(name, entry);
      }
      // Of several nodes with one address the first by name is taken to have it.
      for (const address of entry.named) if (!owners.has(address)) owners.set(address, node);
    }
    if (byNode.size > nodes.length) {
      const present = new Set(nodes.map(({ metadata }) => metadata.name));
      for (const [name, { outcome }] of byNode) {
        if (present.has(name)) continue;
        byNode.delete(name);
        isUnchanged &&= isEmpty(outcome);
      }
    }
    for (const rule of addressRules) {
      const owner = owners.get(rule.remote.address);
      const before = byAddress.get(rule);
      if (before !== undefined && before.owner === owner) continue;
      const outcome = addressOutcome(context, rule, owner);
      isUnchanged &&= before !== undefined && sameOutcome(before.outcome, outcome);
      byAddress.set(rule, { owner, outcome });
    }
    return isUnchanged;
  }

  private answer(frame: Frame): Peering {
    const { context } = frame;
    const problems = addressProblems(context.self);
    const merged = mergeCandidates(this.inOrder(frame, problems), context.trace);
    this.neighbours = merged.neighbours;
    return keep(this.last, {
      self: context.self,
      neighbours: [...merged.neighbours.values()],
      staticRoutes: merged.staticRoutes,
      problems: [...problems, ...merged.problems],
    });
  }

  /** All candidates in the order of their rules, and within a rule by name of the node. Collects problems on the way. */
  private inOrder(frame: Frame, problems: PeeringProblem[]): Iterable<Candidate> {
    const byRule = new Map<Rule, Candidate[]>(frame.rules.map((rule) => [rule, []]));
    const seen = new Set<string>();
    const take = (outcome: Outcome): void => {
      for (const candidate of outcome.candidates) byRule.get(candidate.rule)?.push(candidate);
      for (const problem of outcome.problems) {
        const text = `${problem.resource} ${problem.field} ${problem.message}`;
        if (!seen.has(text)) problems.push(problem);
        seen.add(text);
      }
    };
    take(frame.workloads);
    for (const rule of frame.addressRules) take(frame.byAddress.get(rule)?.outcome ?? NO_OUTCOME);
    for (const node of this.nodes) take(frame.byNode.get(node.metadata.name)?.outcome ?? NO_OUTCOME);
    problems.push(
      ...[...byRule].flatMap(([rule, candidates]) => (candidates.length === 0 ? withoutNeighbours(rule) : [])),
    );
    return [...byRule.values()].flat();
  }
}

function isFrameOf(frame: Frame, view: ClusterView, node: Node, identity: NodeIdentity): boolean {
  const { name, routerId, namespace, localWorkloads } = frame.identity;
  return (
    frame.node === node &&
    name === identity.name &&
    routerId === identity.routerId &&
    namespace === identity.namespace &&
    localWorkloads === identity.localWorkloads &&
    COMMON_KINDS.every((kind) => view.tables.get(kind) === frame.view.tables.get(kind))
  );
}

/** Whether every rule says the same of every other node, as after a change of a BGPPeer that is about others. */
function isEquivalent(one: Frame, other: Frame): boolean {
  const { context, rules } = other;
  const isTopological = context.profiles.some(({ topologyKey }) => topologyKey !== undefined);
  return (
    one.context.self === context.self &&
    one.identity.localWorkloads === other.identity.localWorkloads &&
    one.view.tables.get('BGPConfiguration') === other.view.tables.get('BGPConfiguration') &&
    JSON.stringify(one.context.profiles) === JSON.stringify(context.profiles) &&
    (!isTopological || JSON.stringify(one.context.labels) === JSON.stringify(context.labels)) &&
    one.rules.length === rules.length &&
    one.rules.every((rule, i) => sameRule(rule, rules[i]))
  );
}

function namedAddresses(named: ReadonlySet<string>, node: Node): readonly string[] {
  const { ipv4, ipv6 } = nodeAddresses(node);
  return [ipv4, ipv6].filter((address) => address !== undefined).filter((address) => named.has(address));
}

function isEmpty({ candidates, problems }: Outcome): boolean {
  return candidates.length === 0 && problems.length === 0;
}

/** Neighbours are the same objects where they are equal. */
function sameOutcome(one: Outcome, other: Outcome): boolean {
  return (
    one.candidates.length === other.candidates.length &&
    one.candidates.every(({ rule, neighbour, profiles }, i) => {
      const { rule: otherRule, neighbour: otherNeighbour, profiles: otherProfiles } = other.candidates[i];
      return rule === otherRule && sameNeighbour(neighbour, otherNeighbour) && sameItems(profiles, otherProfiles);
    }) &&
    JSON.stringify(one.problems) === JSON.stringify(other.problems)
  );
}

function sameItems(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((item, i) => item === other[i]);
}

function keepSelf(before: Self | undefined, now: Self): Self {
  return JSON.stringify(before) === JSON.stringify(now) && before !== undefined ? before : now;
}

/** An answer of which every part that is as before is the object of before, and so is the whole. */
function keep(before: Peering | undefined, now: Peering): Peering {
  if (before === undefined) return now;
  const kept: Peering = {
    self: now.self,
    neighbours: sameItems(before.neighbours, now.neighbours) ? before.neighbours : now.neighbours,
    staticRoutes: keepPlain(before.staticRoutes, now.staticRoutes),
    problems: keepPlain(before.problems, now.problems),
  };
  const isSame =
    kept.self === before.self &&
    kept.neighbours === before.neighbours &&
    kept.staticRoutes === before.staticRoutes &&
    kept.problems === before.problems;
  return isSame ? before : kept;
}

function keepPlain<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  return JSON.stringify(before) === JSON.stringify(now) ? before : now;
}
