/** `starling route explain`: why a route is what it is, told by the code that decided. */
import type { RouteEntry, RouteExplanation, ServiceRole } from '../../api/route-types.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import { IPV4_UNICAST } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import type { ToldPath } from '../../rib/adj-rib-out.ts';
import type { Advertising } from '../../rib/advertising.ts';
import {
  STEP_ADDRESS,
  STEP_CLUSTER_LIST,
  STEP_CURRENT,
  STEP_EXTERNAL,
  STEP_LOCAL,
  STEP_LOCAL_PREF,
  STEP_MED,
  STEP_METRIC,
  STEP_NAMES,
  STEP_ORIGIN,
  STEP_PATH_ID,
  STEP_PATH_LENGTH,
  STEP_ROUTER_ID,
} from '../../rib/best-path.ts';
import type { PathTable } from '../../rib/path-table.ts';
import { degreeOfPreference, isEncodedMetric, metricOf } from '../../rib/local-preference.ts';
import { SERVICE_PEER, isOwnPeer } from '../../rib/peers.ts';
import type { RouteSource } from '../../rib/policy.ts';
import type { Rib } from '../../rib/rib.ts';
import { isGone } from '../../rib/stale-paths.ts';
import type { UpdateGroup } from '../../rib/update-group.ts';
import { formatU32 } from '../../net/address.ts';
import { routeEntry } from './route-entry.ts';
import type { RouteListing } from './route-listing.ts';

type Candidate = RouteExplanation['candidates'][number];
type Advertised = RouteExplanation['advertisedTo'][number];

/** A peer as explanations need it. */
export interface ExplainedPeer {
  readonly address: string;
  readonly name: string | null;
  /** Index in the RIB, -1 while the session is not established. */
  readonly index: number;
  readonly state: string;
}

/** What is known of this router's own routes beside what the RIB has. */
export interface OwnRouteFacts {
  /** Why a route is originated, in words. */
  reason(prefix: Prefix): string | undefined;
  /** On which terms a peer is to be told a route to services, by its label; null: on none of its own. */
  role(label: number, peer: string): ServiceRole | null;
}

const ORIGIN_NAMES = ['IGP', 'EGP', 'incomplete'];

export class RouteExplainer {
  private readonly rib: Rib;
  private readonly advertising: Advertising;
  private readonly listing: RouteListing;
  private readonly own: OwnRouteFacts;

  constructor(rib: Rib, advertising: Advertising, listing: RouteListing, own: OwnRouteFacts) {
    this.rib = rib;
    this.advertising = advertising;
    this.listing = listing;
    this.own = own;
  }

  /** Everything but the parts of the FIB and of services. */
  explain(query: Prefix, peers: readonly ExplainedPeer[]): Omit<RouteExplanation, 'fib' | 'services'> {
    const table = this.rib.tables[query.family];
    const prefix = table.prefixes.matches(query).find((id) => table.first[id] !== 0);
    const text = formatPrefix(query);
    if (prefix === undefined) {
      const why = 'there is no such route';
      return {
        query: text,
        match: null,
        candidates: [],
        advertisedTo: peers.map(({ address, name }) => ({ peer: address, name, advertised: false, why })),
      };
    }
    return {
      query: text,
      match: formatPrefix(table.prefixes.prefix(prefix)),
      candidates: this.candidates(table, prefix),
      advertisedTo: peers.map((peer) => this.advertisedTo(table, prefix, peer)),
    };
  }

  /** To which peers the best path to a prefix was told, and why not to others; empty where there is none. */
  audience(prefix: Prefix, peers: readonly ExplainedPeer[]): Advertised[] {
    const table = this.rib.tables[prefix.family];
    const id = table.prefixes.find(...prefix.words, prefix.length);
    return id === 0 ? [] : peers.map((peer) => this.advertisedTo(table, id, peer));
  }

  /** Next hops the FIB should have for the longest match, in words. */
  forwardingMatch(query: Prefix): Prefix | undefined {
    const table = this.rib.tables[query.family];
    const prefix = table.prefixes.matches(query).find((id) => table.bestSet[id] !== 0);
    return prefix === undefined ? undefined : table.prefixes.prefix(prefix);
  }

  /** The paths whose next hops the FIB is to use, the best first. */
  chosen(prefix: Prefix): { peer: string | null; nextHop: string | null; words: string }[] {
    const table = this.rib.tables[prefix.family];
    const id = table.prefixes.find(...prefix.words, prefix.length);
    if (id === 0) return [];
    return this.candidates(table, id)
      .filter(({ outcome }) => outcome === 'best' || outcome === 'multipath')
      .map(({ peer, route, words }) => ({ peer, nextHop: route.nextHop, words }));
  }

  private candidates(table: PathTable, prefix: number): Candidate[] {
    const { selector } = this.rib;
    const best = selector.select(table, prefix);
    const order = [...selector.candidates.subarray(0, selector.count)];
    const lostAt = [...selector.lostAt.subarray(0, selector.count)];
    const { multipath } = selector;
    // Those that lost later are better.
    const inRace = order
      .map((row, place) => ({ row, place, step: order.length > 1 ? lostAt[place] : 0 }))
      .sort((a, b) => rankOf(a, multipath) - rankOf(b, multipath) || b.step - a.step || a.place - b.place)
      .map(({ row, place, step }): Candidate => {
        if (place === 0) return this.bestCandidate(table, row, order.length);
        const words = this.whyLost(table, row, best, step);
        if (place < multipath) {
          const together = `used together with the best path (equal up to the metric); not best itself: ${words}${this.wayTo(table, row)}`;
          return this.candidate(table, row, 'multipath', STEP_NAMES[step], together, { best: false, multipath: true });
        }
        return this.candidate(table, row, 'lost', STEP_NAMES[step], words, { best: false, multipath: false });
      });
    return [...inRace, ...this.outOfRace(table, prefix)];
  }

  private bestCandidate(table: PathTable, row: number, count: number): Candidate {
    const words = count === 1 ? 'best: it is the only path' : `best of ${count} paths`;
    const how = this.wayTo(table, row);
    return this.candidate(table, row, 'best', null, `${words}${how}`, {
      best: true,
      multipath: this.rib.selector.multipath > 1,
    });
  }

  /** How the next hop of a path is reached, to be added to other words. */
  private wayTo(table: PathTable, row: number): string {
    const { nextHop, nextHops } = this.rib.sets;
    const how = nextHops.how(nextHop[table.accepted[row]]);
    return how === '' ? '' : `; next hop: ${how}`;
  }

  private outOfRace(table: PathTable, prefix: number): Candidate[] {
    const none = { best: false, multipath: false };
    const found: Candidate[] = [];
    for (let row = table.first[prefix]; row !== 0; row = table.next[row]) {
      if (isGone(this.rib.peers, table, row)) continue;
      const set = table.accepted[row];
      if (set === 0) {
        found.push(this.candidate(table, row, 'rejected', null, this.listing.whyImported(table, row), none));
      } else if (!this.rib.selector.isUsable(table, row)) {
        const why = this.rib.sets.nextHops.whyUnusable(this.rib.sets.nextHop[set]);
        found.push(this.candidate(table, row, 'ineligible', null, why, none));
      }
    }
    return found;
  }

  private candidate(
    table: PathTable,
    row: number,
    outcome: Candidate['outcome'],
    step: string | null,
    words: string,
    role: { best: boolean; multipath: boolean },
  ): Candidate {
    const from = table.peer[row];
    const route: RouteEntry = routeEntry(this.rib, {
      family: table.prefixes.family,
      prefix: table.prefix[row],
      set: table.accepted[row] === 0 ? table.received[row] : table.accepted[row],
      from,
      pathId: table.pathId[row] ?? 0,
      ...role,
    });
    const peer = isOwnPeer(from) ? null : (this.rib.peers.info[from]?.address ?? null);
    const reason = isOwnPeer(from) ? this.own.reason(table.prefixes.prefix(table.prefix[row])) : undefined;
    const why = reason === undefined ? '' : `; originated here: ${reason}`;
    return { route, peer, outcome, step, words: `${words}${this.changedByImport(table, row)}${why}` };
  }

  /** What the import policy made of a path, to be added to other words. */
  private changedByImport(table: PathTable, row: number): string {
    const accepted = table.accepted[row];
    return accepted === 0 || accepted === table.received[row]
      ? ''
      : `; import: ${this.listing.whyImported(table, row)}`;
  }

  /** The two values that were compared at the step where a path lost. */
  private whyLost(table: PathTable, row: number, best: number, step: number): string {
    const { sets } = this.rib;
    const [a, b] = [table.accepted[row], table.accepted[best]];
    const versus = (what: string, mine: string | number, theirs: string | number): string =>
      `${what} ${mine}, the best path has ${theirs}`;
    switch (step) {
      case STEP_LOCAL:
        return 'the best path is originated by this router';
      case STEP_LOCAL_PREF:
        return versus('LOCAL_PREF', this.localPrefOf(a, table), this.localPrefOf(b, table));
      case STEP_PATH_LENGTH:
        return versus('AS_PATH length', sets.pathLength[a], sets.pathLength[b]);
      case STEP_ORIGIN:
        return versus('ORIGIN', ORIGIN_NAMES[sets.origin[a]], ORIGIN_NAMES[sets.origin[b]]);
      case STEP_MED:
        return `MED ${sets.med[a]}, and a path of the same neighbouring AS ${sets.neighbourAs[a]} has a lower one`;
      case STEP_EXTERNAL:
        return 'learned by iBGP, the best path by eBGP';
      case STEP_METRIC:
        return versus('metric to the next hop', this.metricOf(a), this.metricOf(b));
      case STEP_CURRENT:
        return 'the best path was selected before and is as good';
      case STEP_ROUTER_ID:
        return versus('router id', this.routerIdOf(table, row), this.routerIdOf(table, best));
      case STEP_CLUSTER_LIST:
        return versus('CLUSTER_LIST length', sets.clusterListLength[a], sets.clusterListLength[b]);
      case STEP_ADDRESS:
        return 'the best path comes from a peer with a lower address';
      case STEP_PATH_ID:
        return versus('path id', table.pathId[row], table.pathId[best]);
      default:
        return 'as good as the best path';
    }
  }

  private localPrefOf(set: number, table: PathTable): string {
    const { localPref, normalMetric } = this.rib.sets;
    const normal = normalMetric[table.prefixes.family];
    const value = localPref[set];
    if (!isEncodedMetric(value)) return `${value}`;
    return `${value} (metric ${metricOf(value, normal)}, which counts as ${degreeOfPreference(value, normal)})`;
  }

  private metricOf(set: number): number {
    const { nextHop, nextHops } = this.rib.sets;
    return nextHops.metric[nextHop[set]];
  }

  private routerIdOf(table: PathTable, row: number): string {
    const { sets, peers } = this.rib;
    return formatU32(sets.originatorId[table.accepted[row]] || peers.routerId[table.peer[row]]);
  }

  /** The route in the RIB's view, as the policy lets it out, may have a LOCAL_PREF on another scale than the peer's. */
  private scaleWords(group: UpdateGroup, family: Family): string {
    const { to, exportPolicy } = group.profile;
    const allowed = to === 'external' ? 0 : exportPolicy.apply(this.rib.view);
    if (allowed === 0) return '';
    const [before, told] = [this.rib.sets.localPref[allowed], group.localPref(allowed, family)];
    return before === told ? '' : `; LOCAL_PREF ${before} is told as ${told}, on the scale of this peer`;
  }

  private advertisedTo(table: PathTable, prefix: number, peer: ExplainedPeer): Advertised {
    const { family } = table.prefixes;
    const base = { peer: peer.address, name: peer.name };
    const group = peer.index < 0 ? undefined : this.advertising.groupOf(peer.index);
    if (group === undefined) return { ...base, advertised: false, why: `the session is ${peer.state}` };
    const { paths, pending } = this.advertising.told(peer.index, family, prefix);
    const why = group.tellsAllPaths(family)
      ? this.whyToldPaths(table, prefix, peer.index, paths)
      : this.whyTold(table, prefix, table.bestSet[prefix], table.bestPeer[prefix], peer.index, paths.length > 0);
    return {
      ...base,
      advertised: paths.length > 0,
      ...this.toldService(table, prefix, peer, paths),
      why: why + (pending ? ' (a change is on its way)' : ''),
    };
  }

  /** The terms on which a peer was told a route to services of this node. */
  private toldService(
    table: PathTable,
    prefix: number,
    { address }: ExplainedPeer,
    paths: readonly ToldPath[],
  ): Pick<Advertised, 'role' | 'told'> {
    if (table.bestPeer[prefix] !== SERVICE_PEER || table.bestSet[prefix] === 0) return {};
    const path = paths.find(({ from }) => from === SERVICE_PEER);
    if (path === undefined) return { role: null };
    const { set, from, pathId = 0 } = path;
    const { family } = table.prefixes;
    const label = this.rib.sets.label[table.bestSet[prefix]];
    const told = { family, prefix, set, from, pathId, peer: address, best: true, multipath: false };
    return { role: this.own.role(label, address), told: routeEntry(this.rib, told) };
  }

  /** Of all paths of a prefix: those that the peer was told, or why it was told none (RFC 7911). */
  private whyToldPaths(table: PathTable, prefix: number, peer: number, paths: readonly ToldPath[]): string {
    const { selector } = this.rib;
    selector.select(table, prefix);
    const candidates = [...selector.candidates.subarray(0, selector.count)];
    const [first] = paths;
    if (first !== undefined) {
      const ids = paths.map(({ pathId }) => pathId).join(', ');
      const row = first.pathId!;
      const why = this.whyTold(table, prefix, table.accepted[row], table.peer[row], peer, true);
      return `${paths.length} of ${candidates.length} paths, with path id ${ids}: ${why}`;
    }
    const row = candidates.find((one) => table.peer[one] !== peer) ?? candidates[0];
    if (row === undefined) return 'there is no usable path';
    return this.whyTold(table, prefix, table.accepted[row], table.peer[row], peer, false);
  }

  /** Why a peer was told a path, given as the accepted attribute set and the peer that it came from, or was not. */
  private whyTold(table: PathTable, prefix: number, set: number, from: number, peer: number, told: boolean): string {
    const { rib, advertising } = this;
    const group = advertising.groupOf(peer)!;
    const { family } = table.prefixes;
    if (!group.profile.families.includes(family)) return 'the peer did not negotiate this address family';
    if (set === 0) return 'there is no best path';
    if (from === peer) return 'the best path came from this peer';
    const source = rib.peers.source[from] as RouteSource;
    const forbidden = group.forbidden(set, source);
    if (forbidden !== undefined) return forbidden;
    rib.load(table.prefixes.prefix(prefix));
    rib.view.source = source;
    rib.view.set = set;
    rib.view.interface = rib.interfaces.of(set, from, family, prefix);
    const { accepted, why } = group.profile.exportPolicy.explain(rib.view);
    if (!accepted) return why;
    if (told) return `${why}${this.scaleWords(group, family)}`;
    return group.profile.selfNextHop[family] === undefined
      ? `this router has no ${family === IPV4_UNICAST ? 'IPv4' : 'IPv6'} address to give as next hop`
      : 'its attributes do not fit a message';
  }
}

/** The best path first, then its multipath, then the others. */
function rankOf({ place }: { place: number }, multipath: number): number {
  if (place === 0) return 0;
  return place < multipath ? 1 : 2;
}
