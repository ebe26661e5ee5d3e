/** `starling route list`: slices of Adj-RIB-In, Loc-RIB and Adj-RIB-Out. */
import type { RouteQuery } from '../../api/daemon-view.ts';
import type { Slice } from '../../api/process-view.ts';
import { ApiError } from '../../api/errors.ts';
import type { RouteEntry } from '../../api/route-types.ts';
import { FAMILIES } from '../../net/family.ts';
import type { Family } from '../../net/family.ts';
import { prefixContains } from '../../net/prefix.ts';
import type { Advertising } from '../../rib/advertising.ts';
import { loopIn } from '../../rib/import-check.ts';
import type { PathTable } from '../../rib/path-table.ts';
import { isOwnPeer } from '../../rib/peers.ts';
import type { RouteSource } from '../../rib/policy.ts';
import type { Rib } from '../../rib/rib.ts';
import { isGone, isStale } from '../../rib/stale-paths.ts';
import { routeEntry } from './route-entry.ts';

/** Prefixes looked at in one slice at most, so that a slice without matches ends soon too. */
const SCAN = 20_000;

/** Positions of IPv6 follow those of IPv4. */
const FAMILY_SPAN = 2 ** 32;

export class RouteListing {
  private readonly rib: Rib;
  private readonly advertising: Advertising;
  /** Index in the RIB of a peer by its address: -1 while its session is down, undefined if there is no such peer. */
  private readonly peerIndex: (address: string) => number | undefined;

  constructor(rib: Rib, advertising: Advertising, peerIndex: (address: string) => number | undefined) {
    this.rib = rib;
    this.advertising = advertising;
    this.peerIndex = peerIndex;
  }

  /** As `DaemonView.routes`. */
  list(query: RouteQuery, position: number, limit: number): Slice<RouteEntry> {
    const peer = query.peer === undefined ? undefined : this.peerIndex(query.peer);
    if (query.peer !== undefined && peer === undefined) {
      throw new ApiError('NOT_FOUND', `${query.peer} is not a peer; \`starling peer list\` shows them`);
    }
    const items: RouteEntry[] = [];
    if (peer === -1) return { items, next: null };
    let scanned = 0;
    for (const family of FAMILIES) {
      if (query.family !== undefined && query.family !== family) continue;
      const { prefixes } = this.rib.tables[family];
      let prefix = Math.max(1, position - family * FAMILY_SPAN);
      for (; prefix < prefixes.end; prefix++) {
        if (items.length >= limit || scanned++ >= SCAN) return { items, next: family * FAMILY_SPAN + prefix };
        if (prefixes.holders[prefix] > 0 && this.matches(query, family, prefix)) {
          this.addRoutes(items, query, family, prefix, peer);
        }
      }
    }
    return { items, next: null };
  }

  private matches(query: RouteQuery, family: Family, prefix: number): boolean {
    if (query.prefix === undefined) return true;
    const candidate = this.rib.tables[family].prefixes.prefix(prefix);
    const equal = candidate.length === query.prefix.length && prefixContains(query.prefix, candidate);
    if (query.match === 'longer') return prefixContains(query.prefix, candidate);
    return equal || (query.match === 'shorter' && prefixContains(candidate, query.prefix));
  }

  private addRoutes(
    items: RouteEntry[],
    query: RouteQuery,
    family: Family,
    prefix: number,
    peer: number | undefined,
  ): void {
    const table = this.rib.tables[family];
    if (query.view === 'advertised') {
      this.addAdvertised(items, table, prefix, { index: peer!, address: query.peer! });
      return;
    }
    const best = this.rib.selector.select(table, prefix);
    const together = new Set(this.rib.selector.candidates.subarray(0, this.rib.selector.multipath));
    for (let row = table.first[prefix]; row !== 0; row = table.next[row]) {
      if (peer !== undefined && table.peer[row] !== peer) continue;
      if (isGone(this.rib.peers, table, row) || !isInView(query.view, table, row, best)) continue;
      items.push(this.rowEntry(table, row, { best: row === best, multipath: together.has(row) }, query.view));
    }
  }

  private addAdvertised(
    items: RouteEntry[],
    table: PathTable,
    prefix: number,
    peer: { readonly index: number; readonly address: string },
  ): void {
    const { family } = table.prefixes;
    const { paths } = this.advertising.told(peer.index, family, prefix);
    const best = paths.length === 0 ? 0 : this.rib.selector.select(table, prefix);
    for (const { set, from, pathId } of paths) {
      const role = { best: pathId === undefined || pathId === best, multipath: false };
      items.push(routeEntry(this.rib, { family, prefix, set, from, peer: peer.address, pathId: pathId ?? 0, ...role }));
    }
  }

  private rowEntry(
    table: PathTable,
    row: number,
    role: { best: boolean; multipath: boolean },
    view: RouteQuery['view'],
  ): RouteEntry {
    const accepted = table.accepted[row];
    const rejected = accepted === 0 ? { rejectedReason: this.whyImported(table, row) } : {};
    return routeEntry(this.rib, {
      family: table.prefixes.family,
      prefix: table.prefix[row],
      set: view === 'received' || accepted === 0 ? table.received[row] : accepted,
      from: table.peer[row],
      pathId: table.pathId[row] ?? 0,
      stale: isStale(this.rib.peers, table, row),
      ...role,
      ...rejected,
    });
  }

  /** Why import accepted or rejected a path, and what it changed, in words, by the same code that did. */
  whyImported(table: PathTable, row: number): string {
    const { rib } = this;
    const info = rib.peers.info[table.peer[row]];
    if (info === undefined) return 'its peer is gone';
    const set = table.received[row];
    const loop = loopIn(rib.sets, set, info, rib.self);
    if (loop !== undefined) return `rejected: ${loop}`;
    rib.load(table.prefixes.prefix(table.prefix[row]));
    rib.view.source = rib.peers.source[table.peer[row]] as RouteSource;
    rib.view.set = set;
    rib.view.interface = rib.interfaces.of(set, table.peer[row], table.prefixes.family, table.prefix[row]);
    const { accepted, why } = info.importPolicy.explain(rib.view);
    const tooLong = accepted && table.accepted[row] === 0;
    return tooLong ? `rejected: with what import adds its attributes do not fit a message (${why})` : why;
  }
}

/** Whether a path is to be seen in a view of Adj-RIB-In or Loc-RIB. */
function isInView(view: RouteQuery['view'], table: PathTable, row: number, best: number): boolean {
  if (view === 'best') return row === best;
  if (view === 'rejected') return table.accepted[row] === 0;
  return !isOwnPeer(table.peer[row]) && (view === 'received' || table.accepted[row] !== 0);
}
