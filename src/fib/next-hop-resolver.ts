/**
 * Next hops as the kernel takes them: which gateways on which links are tracked, and which answers a change concerns.
 */
import { sameHops } from './hop-lists.ts';
import type { KernelView } from './kernel-view.ts';
import type { NeighbourAddress } from './netlink/neighbours.ts';
import { resolveNextHop } from './next-hop-resolution.ts';
import type { Answer, Need, Resolution } from './next-hop-resolution.ts';
import { nextHopKey } from './next-hop.ts';
import type { FibNextHop } from './next-hop.ts';
import type { TunnelTable } from './tunnel-plan.ts';

export type { Resolution } from './next-hop-resolution.ts';

/** A next hop that somebody wants to know of. */
interface Tracked {
  readonly hop: FibNextHop;
  users: number;
  answer: Answer | undefined;
}

/** Resolves next hops. */
export class NextHopResolver {
  private readonly view: KernelView;
  private readonly tunnels: TunnelTable;
  private ways: ReadonlyMap<string, string> = new Map();
  private readonly tracked = new Map<string, Tracked>();
  /** Keys of tracked next hops by what they depend on. */
  private readonly dependants = new Map<Need, Set<string>>();
  /** Keys whose resolution changed since they were last asked for. */
  private readonly different = new Set<string>();

  constructor(view: KernelView, tunnels: TunnelTable) {
    this.view = view;
    this.tunnels = tunnels;
  }

  /** What a next hop comes to now. */
  resolve(hop: FibNextHop): Resolution {
    this.update();
    const key = nextHopKey(hop);
    const tracked = this.tracked.get(key);
    if (tracked === undefined) return resolveNextHop(this.view, this.tunnels, this.ways, hop).resolution;
    return (tracked.answer ?? this.answer(key, tracked)).resolution;
  }

  /** From now on, changes of this next hop are told by {@link changes}. Counted. */
  track(hop: FibNextHop): void {
    const key = nextHopKey(hop);
    const tracked = this.tracked.get(key);
    if (tracked === undefined) this.tracked.set(key, { hop, users: 1, answer: undefined });
    else tracked.users++;
  }

  /** Takes back one {@link track}. */
  untrack(hop: FibNextHop): void {
    const key = nextHopKey(hop);
    const tracked = this.tracked.get(key);
    if (tracked === undefined || --tracked.users > 0) return;
    this.forgetNeeds(key, tracked);
    this.tracked.delete(key);
    this.different.delete(key);
  }

  /** Keys of the tracked next hops whose resolution is another than when it was last asked for or told of here. */
  changes(): readonly string[] {
    this.update();
    const keys = [...this.different];
    this.different.clear();
    return keys;
  }

  /** Takes gateways by the address that the daemon itself has a route to over them. */
  setWays(ways: ReadonlyMap<string, string>): void {
    this.ways = ways;
    this.renew(this.tracked.keys());
  }

  /** To be called when the ways through VXLAN changed. */
  tunnelsChanged(): void {
    this.renew([...(this.dependants.get('vxlan') ?? [])]);
  }

  /** Has the kernel try again the neighbours that don't answer. Throws {@link NetlinkError}. */
  probe(): void {
    const neighbours = this.failedNeighbours();
    if (neighbours.length > 0) this.view.probeNeighbours(neighbours);
  }

  /** Whether a tracked next hop is held up by a neighbour that doesn't answer. */
  get hasFailedNeighbours(): boolean {
    return this.failedNeighbours().length > 0;
  }

  private failedNeighbours(): NeighbourAddress[] {
    const { failedNeighbours } = this.view;
    return [...failedNeighbours].flatMap(([key, neighbour]) =>
      this.dependants.has(`neighbour ${key}`) ? [neighbour] : [],
    );
  }

  /** Resolves again what depends on something that changed. */
  private update(): void {
    const changes = this.view.takeChanges();
    if (changes === undefined) return;
    const keys = new Set<string>();
    for (const dependency of changes.dependencies) {
      for (const key of this.dependants.get(dependency) ?? []) keys.add(key);
    }
    for (const [key, { answer }] of this.tracked) {
      if (answer?.host !== undefined && changes.covers(answer.host)) keys.add(key);
    }
    this.renew(keys);
  }

  private renew(keys: Iterable<string>): void {
    for (const key of keys) {
      const tracked = this.tracked.get(key)!;
      const before = tracked.answer;
      // Without a former answer nobody was told anything that could be outdated.
      if (before === undefined) continue;
      const { resolution } = this.answer(key, tracked);
      if (!sameResolution(before.resolution, resolution)) this.different.add(key);
    }
  }

  private answer(key: string, tracked: Tracked): Answer {
    const answer = resolveNextHop(this.view, this.tunnels, this.ways, tracked.hop);
    const before = tracked.answer;
    tracked.answer = answer;
    for (const need of answer.needs) {
      const keys = this.dependants.get(need);
      if (keys === undefined) this.dependants.set(need, new Set([key]));
      else keys.add(key);
      if (need.startsWith('neighbour ')) this.view.watchNeighbour(need.slice('neighbour '.length));
    }
    for (const need of before?.needs ?? []) if (!answer.needs.has(need)) this.dropNeed(key, need);
    return answer;
  }

  private forgetNeeds(key: string, { answer }: Tracked): void {
    for (const need of answer?.needs ?? []) this.dropNeed(key, need);
  }

  private dropNeed(key: string, need: Need): void {
    const keys = this.dependants.get(need);
    if (keys?.delete(key) !== true || keys.size > 0) return;
    this.dependants.delete(need);
    if (need.startsWith('neighbour ')) this.view.unwatchNeighbour(need.slice('neighbour '.length));
  }
}

function sameResolution(a: Resolution, b: Resolution): boolean {
  if ('why' in a || 'why' in b) return 'why' in a && 'why' in b && a.why === b.why;
  return a.metric === b.metric && a.words === b.words && sameHops(a.hops, b.hops);
}
