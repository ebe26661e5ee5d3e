/** From what all the rules give to one neighbour for each key. */
import { IPV4_UNICAST, IPV6_UNICAST, addressBits } from '../net/family.ts';
import { sourceWords } from './candidate.ts';
import type { Candidate } from './candidate.ts';
import type { Neighbour } from './neighbour.ts';
import type { StaticRoute } from './peering.ts';
import type { PeeringProblem } from './problem.ts';
import { isGlobal } from './rules.ts';
import type { Trace } from './step.ts';

export interface Merged {
  /** By key, in the order of the candidates. */
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  readonly staticRoutes: readonly StaticRoute[];
  readonly problems: readonly PeeringProblem[];
}

/** Of the candidates with the same key the first counts. They come in the order of their rules. */
export function mergeCandidates(candidates: Iterable<Candidate>, trace: Trace | undefined): Merged {
  const neighbours = new Map<string, Neighbour>();
  const winners = new Map<string, Candidate>();
  const problems: PeeringProblem[] = [];
  const profiles = new ProfileUse();
  const reachable: Neighbour[] = [];
  for (const candidate of candidates) {
    const { neighbour } = candidate;
    const first = winners.get(neighbour.key);
    if (first !== undefined) {
      const words = duplicateWords(first, candidate);
      traceCandidate(trace, candidate, false, words);
      if (first.rule === candidate.rule) problems.push(sameAddress(first.neighbour, neighbour));
      else if (isMistake(candidate)) problems.push(conflict(candidate, words));
      continue;
    }
    winners.set(neighbour.key, candidate);
    neighbours.set(neighbour.key, neighbour);
    if (neighbour.reachableBy !== undefined) reachable.push(neighbour);
    profiles.add(candidate);
    traceCandidate(trace, candidate, true, `${neighbour.reason}${heldDownWords(neighbour)}`);
  }
  problems.push(...profiles.problems());
  return { neighbours, problems, staticRoutes: staticRoutes(reachable, problems) };
}

function heldDownWords({ heldDown }: Neighbour): string {
  return heldDown === undefined ? '' : ` It is held down: ${heldDown}`;
}

function traceCandidate(
  trace: Trace | undefined,
  { rule, neighbour }: Candidate,
  applies: boolean,
  words: string,
): void {
  trace?.({
    source: sourceWords(rule),
    ...(rule.peer !== undefined && { peer: rule.peer.metadata.name }),
    key: neighbour.key,
    address: neighbour.address,
    ...(neighbour.nodeName !== undefined && { node: neighbour.nodeName }),
    applies,
    words,
  });
}

/** Why the second of two candidates with the same key doesn't count, as a sentence. */
function duplicateWords({ rule: first, neighbour }: Candidate, { rule: second }: Candidate): string {
  const { key } = neighbour;
  const order = (): string => {
    if (first === second) return 'its node is first by name';
    if (first.peer === undefined || second.peer === undefined) return 'a BGPPeer counts before the mesh';
    if (second.reverse !== first.reverse) return 'a BGPPeer counts before one that only has this node peer back';
    return isGlobal(first.peer) === isGlobal(second.peer) ? 'it is first by name' : 'it is for all nodes';
  };
  return `${key} is a neighbour of this node by ${sourceWords(first)} already, which counts because ${order()}.`;
}

/** The mesh and a peering back give way in silence: a BGPPeer says more than they do. */
function isMistake({ rule }: Candidate): boolean {
  return rule.peer !== undefined && !rule.reverse;
}

/** What field of a BGPPeer says who its neighbours are, by the ends of its rule. */
const FIELDS = { address: 'peerIP', nodes: 'peerSelector', workloads: 'localWorkloadSelector' } as const;

function conflict({ rule }: Candidate, words: string): PeeringProblem {
  return { resource: rule.source, field: FIELDS[rule.ends], message: `${words} Remove one of the two.` };
}

/** Two nodes, or two workloads, of one rule have one address. */
function sameAddress(first: Neighbour, second: Neighbour): PeeringProblem {
  const { nodeName } = second;
  if (nodeName === undefined) {
    return {
      resource: second.source,
      field: FIELDS.workloads,
      message: `Two workloads have the address ${first.address}.`,
    };
  }
  const message = `It has the address ${first.address}, as node "${first.nodeName}" has, which alone is a neighbour of this node. Correct one of them.`;
  return { resource: `Node ${nodeName}`, field: 'bgp', message };
}

/** Which PeerProfiles apply, and which never do although they pick peerings. */
class ProfileUse {
  private readonly applied = new Set<string>();
  /** The profile that came before, by name. */
  private readonly late = new Map<string, string>();

  add({ profiles }: Candidate): void {
    if (profiles.length === 0) return;
    const [first, ...others] = profiles;
    this.applied.add(first.name);
    for (const { name } of others) this.late.set(name, first.name);
  }

  problems(): readonly PeeringProblem[] {
    return [...this.late]
      .filter(([name]) => !this.applied.has(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, first]) => ({
        resource: `PeerProfile ${name}`,
        field: 'peerSelector',
        message: `Every peering of this node that it picks is picked by a profile before it by name as well, such as "${first}", so it has no effect. Rename it, or have it pick others.`,
      }));
  }
}

/** One route for each address, whatever the ports of its neighbours. */
function staticRoutes(reachable: readonly Neighbour[], problems: PeeringProblem[]): readonly StaticRoute[] {
  const routes = new Map<string, StaticRoute>();
  for (const { address, reachableBy: gateway = '', source } of reachable) {
    const prefix = `${address}/${addressBits(address.includes(':') ? IPV6_UNICAST : IPV4_UNICAST)}`;
    const first = routes.get(prefix);
    if (first === undefined) {
      routes.set(prefix, { prefix, gateway, reason: `${source} has reachableBy: ${gateway}.` });
    } else if (first.gateway !== gateway) {
      const message = `${address} is reached by ${first.gateway} already: ${first.reason} Name one gateway.`;
      problems.push({ resource: source, field: 'reachableBy', message });
    }
  }
  return [...routes.values()];
}
