/** What a change of the resources would do to this node, before it is made. */
import type { ConfigDiff, ConfigDiffInput, PeerDifference } from '../../api/types.ts';
import { changesBetween, keyOf } from '../../datastore/contents.ts';
import { identityOf, sourcedProblem } from '../../datastore/sourced-problem.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { changeKind } from '../../peering/neighbour.ts';
import type { Neighbour } from '../../peering/neighbour.ts';
import type { Self } from '../../peering/self.ts';
import { EMPTY_VIEW, applyChanges } from '../../resources/cluster-view.ts';
import type { Change, ClusterView } from '../../resources/cluster-view.ts';
import type { AnyResource } from '../../resources/kinds.ts';
import { parseResource } from '../../resources/parse-resource.ts';
import type { DesiredNeighbour, DesiredState } from '../desired-state.ts';
import { peerName } from './peer-report.ts';
import type { ServiceDifferences, ViewChange } from './service-differences.ts';

/** What this node makes of resources. */
export interface Judge {
  readonly desired: (view: ClusterView) => DesiredState;
  /** What becomes of the routes to services. */
  readonly services: (change: ViewChange) => Promise<ServiceDifferences>;
}

/** Compares what the node makes of the resources there are with what it makes of them with those of `input` in place. */
export async function configDiff(
  view: ClusterView,
  input: ConfigDiffInput,
  { desired, services }: Judge,
): Promise<ConfigDiff> {
  const { resources, problems } = read(input.resources);
  const changes = changesTo(view, resources, input.whole);
  const before = desired(view);
  const changed = applyChanges(view, changes);
  const after = changes.length === 0 ? before : desired(changed);
  // No route to services is originated before it is known who this node is.
  const known = before.self === undefined ? EMPTY_VIEW : view;
  const ofServices = await services({ before: known, after: changed, changes });
  const problemsBefore = [...before.problems, ...ofServices.problems.before];
  const problemsAfter = [...after.problems, ...ofServices.problems.after];
  const parts = {
    node: nodeDifferences(before, after),
    peers: peerDifferences(before.neighbours, after.neighbours),
    routes: [...routeDifferences(before, after), ...ofServices.routes],
    newProblems: problemsAfter.filter((words) => !problemsBefore.includes(words)),
    solvedProblems: problemsBefore.filter((words) => !problemsAfter.includes(words)),
  };
  return {
    different: Object.values(parts).some((part) => part.length > 0),
    valid: problems.every(({ severity }) => severity !== 'error'),
    resources: changes.map((change) => resourceDifference(view, change)),
    ...parts,
    problems,
  };
}

function read(manifests: readonly unknown[]): { resources: AnyResource[]; problems: ConfigDiff['problems'] } {
  const resources: AnyResource[] = [];
  const problems: ConfigDiff['problems'] = [];
  for (const [i, manifest] of manifests.entries()) {
    const parsed = parseResource(manifest);
    const where = `resources[${i}]`;
    for (const problem of parsed.problems) {
      const { message, severity } = sourcedProblem(where, identityOf(manifest), problem);
      problems.push({ where, message, severity });
    }
    if (parsed.ok) resources.push(parsed.resource);
  }
  return { resources, problems };
}

/** The changes by which these resources come to be as given; with `whole` there are no others then. */
function changesTo(view: ClusterView, resources: readonly AnyResource[], whole: boolean): Change[] {
  const known = new Map(
    [...view.tables.values()].flatMap((table) => [...table.values()]).map((one) => [keyOf(one), one]),
  );
  const given = new Map(resources.map((resource) => [keyOf(resource), resource]));
  const base = whole ? known : new Map([...known].filter(([key]) => given.has(key)));
  return changesBetween(base, given);
}

function resourceDifference(view: ClusterView, change: Change): ConfigDiff['resources'][number] {
  const { kind, metadata } = change.type === 'delete' ? { kind: change.kind, metadata: change } : change.resource;
  const { name, namespace } = metadata;
  const known = view.get(kind, name, namespace) !== undefined;
  const upsert = known ? 'changed' : 'added';
  return { kind, namespace: namespace ?? null, name, change: change.type === 'delete' ? 'removed' : upsert };
}

function nodeDifferences(before: DesiredState, after: DesiredState): string[] {
  const words = selfDifferences(before.self, after.self);
  if (before.routing?.words !== after.routing?.words && after.routing !== undefined) words.push(after.routing.words);
  if (before.routing?.vxlanKey !== after.routing?.vxlanKey) words.push('The VXLAN tunnels of this node change.');
  if (JSON.stringify(before.staticRoutes) !== JSON.stringify(after.staticRoutes)) {
    words.push('The routes by which peers are reached (reachableBy) change.');
  }
  return words;
}

function selfDifferences(before: Self | undefined, after: Self | undefined): string[] {
  if (before === undefined && after === undefined) return [];
  if (before === undefined)
    return [`The resources know this node then: AS ${after?.asn}, router id ${after?.routerId}.`];
  if (after === undefined) return ['The resources do not know this node any more: all its sessions end.'];
  const anew = 'all sessions are set up anew';
  return [
    ...(before.asn === after.asn ? [] : [`The AS of this node becomes ${after.asn} (now ${before.asn}): ${anew}.`]),
    ...(before.routerId === after.routerId
      ? []
      : [`The router id becomes ${after.routerId} (now ${before.routerId}): ${anew}.`]),
    ...(JSON.stringify(before.listen) === JSON.stringify(after.listen)
      ? []
      : [`The node listens on ${listenWords(after)} then.`]),
    ...(before.clusterId === after.clusterId ? [] : [clusterWords(after)]),
  ];
}

function listenWords({ listen: { addresses, port } }: Self): string {
  return `${addresses.length === 0 ? 'no address' : addresses.join(' and ')}, port ${port}`;
}

function clusterWords({ clusterId }: Self): string {
  return clusterId === undefined
    ? 'The node is no route reflector any more.'
    : 'The node is a route reflector of another cluster id then.';
}

type Neighbours = ReadonlyMap<string, DesiredNeighbour>;

function peerDifferences(before: Neighbours, after: Neighbours): PeerDifference[] {
  const differences: PeerDifference[] = [];
  for (const [key, { neighbour }] of before) {
    if (!after.has(key))
      differences.push(peerDifference(neighbour, 'removed', [`now there because: ${neighbour.reason}`]));
  }
  for (const [key, wanted] of after) {
    const known = before.get(key);
    if (known === wanted) continue;
    if (known === undefined) differences.push(peerDifference(wanted.neighbour, 'added', [wanted.neighbour.reason]));
    else differences.push(...changedPeer(known, wanted));
  }
  return differences;
}

function changedPeer(before: DesiredNeighbour, after: DesiredNeighbour): PeerDifference[] {
  const kind = changeKind(before.neighbour, after.neighbour);
  const words = fieldWords(before.neighbour, after.neighbour);
  const importChanged = before.policies.import.key !== after.policies.import.key;
  const exportChanged = before.policies.export.key !== after.policies.export.key;
  if (importChanged) words.push('what is accepted from it is decided anew');
  if (exportChanged) words.push('what it is told is decided anew');
  if (words.length === 0) return [];
  if (kind === 'session') return [peerDifference(after.neighbour, 'reset', words)];
  if (kind === 'password') return [peerDifference(after.neighbour, 'password', words)];
  const isPolicy = kind === 'policy' || importChanged || exportChanged;
  return [peerDifference(after.neighbour, isPolicy ? 'policy' : 'later', words)];
}

function peerDifference(neighbour: Neighbour, change: PeerDifference['change'], words: string[]): PeerDifference {
  const { key, heldDown } = neighbour;
  return {
    peer: key,
    name: peerName(neighbour),
    change,
    heldDown: heldDown ?? null,
    words,
  };
}

/** Fields that say where a neighbour comes from, and no more. */
const ORIGINS: ReadonlySet<string> = new Set(['type', 'source', 'reason', 'nodeName', 'profile', 'heldDown']);

/** Their values are not for anybody's eyes. */
const SECRET: ReadonlySet<string> = new Set(['password', 'nextPassword']);

function fieldWords(before: Neighbour, after: Neighbour): string[] {
  const [old, now] = [
    new Map<string, unknown>(Object.entries(before)),
    new Map<string, unknown>(Object.entries(after)),
  ];
  const words = [...new Set([...old.keys(), ...now.keys()])].flatMap((field) => {
    const [from, to] = [JSON.stringify(old.get(field)), JSON.stringify(now.get(field))];
    if (from === to || ORIGINS.has(field)) return [];
    return [SECRET.has(field) ? `${field} changes` : `${field}: ${from ?? 'unset'} becomes ${to ?? 'unset'}`];
  });
  if (before.heldDown === after.heldDown) return words;
  return [...words, after.heldDown === undefined ? 'no longer held down' : `held down: ${after.heldDown}`];
}

function routeDifferences(before: DesiredState, after: DesiredState): ConfigDiff['routes'] {
  const routesOf = ({ advertisement }: DesiredState) =>
    new Map(advertisement.routes.map(({ prefix, reason }) => [formatPrefix(prefix), reason]));
  const [old, now] = [routesOf(before), routesOf(after)];
  return [
    ...[...old]
      .filter(([prefix]) => !now.has(prefix))
      .map(([prefix, words]) => ({ prefix, service: null, change: 'withdrawn' as const, words })),
    ...[...now]
      .filter(([prefix]) => !old.has(prefix))
      .map(([prefix, words]) => ({ prefix, service: null, change: 'originated' as const, words })),
  ];
}
