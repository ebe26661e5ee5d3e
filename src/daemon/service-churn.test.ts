/**
 * Routes to services under long churn, with numbers that come from a seed: whatever happened before, every peer holds what it
 * would hold if nothing had, and hears nothing twice.
 */
import { expect, it } from 'vitest';
import { AdjRibInReader } from '../../test/support/adj-rib-in-reader.ts';
import { ServiceLabels } from '../advertiser/service-labels.ts';
import type { ServiceOffer } from '../advertiser/service-routes.ts';
import { termsFor } from '../advertiser/terms.ts';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { formatCommunity } from '../bgp/messages/attributes/communities.ts';
import { linkBandwidth } from '../bgp/messages/attributes/extended-communities.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { clusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { parseSelector } from '../resources/selector.ts';
import { Advertising, PATIENCE } from '../rib/advertising.ts';
import { Rib } from '../rib/rib.ts';
import type { GroupProfile } from '../rib/update-group.ts';
import { SOURCE_CLIENT, SOURCE_EXTERNAL } from '../rib/policy.ts';
import { desiredState } from './desired-state.ts';
import type { Policies } from './neighbour-policies.ts';
import { OwnRoutes } from './own-routes.ts';
import type { OwnRoute } from './own-routes.ts';

const OPERATIONS = 1500;
const PREFIXES = Array.from({ length: 120 }, (_, i) => parsePrefix(`10.96.0.${i}/32`));
const OWN_AS = 65_000;
/** A rack, and whether all paths are told (RFC 7911), or LOCAL_PREF as metrics. The last one tells routes of its own. */
const PEERS = [
  { name: 'a1', asn: 65_001, labels: { rack: 'a' } },
  { name: 'a2', asn: 65_001, labels: { rack: 'a' }, allPaths: true },
  { name: 'b1', asn: 65_002, labels: { rack: 'b' } },
  { name: 'core', asn: OWN_AS, labels: { rack: 'b' } },
  { name: 'node', asn: OWN_AS, labels: {}, metric: true },
  { name: 'all', asn: OWN_AS, labels: { rack: 'a' }, allPaths: true },
  { name: 'edge', asn: 65_003, labels: { rack: 'c' } },
] as const;
type Peer = (typeof PEERS)[number];
const EDGE = PEERS[6];
const SELECTORS = ["rack == 'a'", "rack == 'b'", '!has(rack)', "peer.starling.dev/type == 'global'"] as const;

/** Numbers in [0, limit), the same in every run (a linear congruential generator, Numerical Recipes' constants). */
class Numbers {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  below(limit: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }
}

const resource = (apiVersion: string, kind: string, metadata: object, spec: object) => {
  const parsed = parseResource({ apiVersion, kind, metadata, spec });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
};

const CALICO = 'projectcalico.org/v3';
const FIXED = [
  resource(CALICO, 'Node', { name: 'n1' }, { bgp: { ipv4Address: '10.0.0.1/24', asNumber: OWN_AS } }),
  resource(CALICO, 'IPPool', { name: 'all' }, { cidr: '10.0.0.0/8' }),
  ...PEERS.map(({ name, asn, labels }, i) =>
    resource(CALICO, 'BGPPeer', { name, labels }, { peerIP: `192.0.2.${i + 1}`, asNumber: asn }),
  ),
];

/** What is in force, of which everything else follows. */
interface Situation {
  /** Which selectors are used, a bit each, and whether the node is drained. */
  picked: number;
  draining: boolean;
  readonly services: Map<Prefix, number>;
  readonly manual: Set<Prefix>;
  workloads: readonly Prefix[];
  /** What the edge tells, with a MED. */
  readonly learned: Map<Prefix, number>;
  readonly up: Set<Peer>;
}

const labels = new ServiceLabels();

function policiesIn({ picked, draining }: Situation): (peer: Peer) => Policies {
  const used = SELECTORS.filter((_, i) => ((picked >> i) & 1) === 1);
  const rules = used.map((peerSelector, i) =>
    resource('starling.dev/v1alpha1', 'ServiceAdvertisement', { name: `r${i}` }, { peerSelector }),
  );
  const { neighbours } = desiredState(
    clusterView([...FIXED, ...rules]),
    { name: 'n1', namespace: 'kube-system' },
    {
      workloads: [],
      kernel: undefined,
      drain: { gracefulShutdown: draining, withholdPods: false, withholdServices: false },
      services: { labels, peerSelectors: [], strict: false },
    },
  );
  return (peer) => neighbours.get(`192.0.2.${PEERS.indexOf(peer) + 1}`)!.policies;
}

class World {
  readonly rib = new Rib({ self: { routerId: 1, clusterId: 1 } });
  readonly advertising = new Advertising(this.rib);
  readonly routes = new OwnRoutes(this.rib);
  readonly readers = new Map<Peer, AdjRibInReader>();
  private readonly indexes = new Map<Peer, number>();
  private readonly blocked = new Set<number>();
  private now = 0;

  private profile(peer: Peer, { export: exportPolicy }: Policies): GroupProfile {
    return {
      to: peer.asn === OWN_AS ? 'client' : 'external',
      localAs: OWN_AS,
      nextHopMode: 'auto',
      selfNextHop: [Uint8Array.of(10, 0, 0, 1), undefined],
      clusterId: 1,
      localPrefScale: 'metric' in peer ? 'metric' : 'plain',
      normalMetric: [1024, 1024],
      exportPolicy,
      families: [0],
      addPaths: 'allPaths' in peer ? [0] : [],
      fourOctetAs: true,
      maxMessage: 4096,
    };
  }

  up(peer: Peer, policies: Policies): void {
    const source = peer.asn === OWN_AS ? SOURCE_CLIENT : SOURCE_EXTERNAL;
    const address = peer.name;
    const importPolicy = policies.import;
    const index = this.rib.peers.add({ address, source, routerId: 9, localAs: OWN_AS, allowLocalAs: 0, importPolicy });
    this.indexes.set(peer, index);
    const external = peer.asn !== OWN_AS;
    this.readers.set(
      peer,
      new AdjRibInReader(4096, { fourOctetAs: true, external }, 'allPaths' in peer ? [0] : undefined),
    );
    this.advertising.join(index, this.profile(peer, policies));
  }

  down(peer: Peer): void {
    const index = this.indexes.get(peer)!;
    this.advertising.leave(index);
    this.rib.flush(index, 0);
    this.rib.peers.remove(index);
    this.indexes.delete(peer);
    this.readers.delete(peer);
    this.blocked.delete(index);
  }

  change(policiesOf: (peer: Peer) => Policies): void {
    for (const [peer, index] of this.indexes) {
      this.rib.changeImport(index, policiesOf(peer).import);
      this.advertising.change(index, this.profile(peer, policiesOf(peer)));
    }
  }

  learn(prefix: Prefix, med: number | undefined, peer: Peer = EDGE): void {
    const index = this.indexes.get(peer)!;
    const [word] = prefix.words;
    const nlri = Uint8Array.of(32, word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255);
    if (med === undefined) return this.rib.withdraw(index, 0, nlri, 0, nlri.length);
    const asPath = [{ type: 'sequence' as const, asns: [peer.asn] }].filter(() => peer.asn !== OWN_AS);
    const block = encodeAttributes({ ...PLAIN_ATTRIBUTES, asPath, nextHop: '192.0.2.9', med }, 0);
    const set = this.rib.sets.acquire(block, 0, block.length);
    this.rib.announce(index, 0, nlri, 0, nlri.length, set);
    this.rib.sets.release(set);
  }

  block(peer: Peer, on: boolean): void {
    const index = this.indexes.get(peer);
    if (index === undefined) return;
    if (on) this.blocked.add(index);
    else if (this.blocked.delete(index)) this.advertising.writable(index);
  }

  /** Does a part of what is to be done. */
  turn(limit: number): boolean {
    this.now += PATIENCE / 2;
    this.rib.decide(limit);
    const { more } = this.advertising.flush(this.now, (index, bytes) => {
      for (const [peer, own] of this.indexes) if (own === index) this.readers.get(peer)!.feed(bytes);
      return !this.blocked.has(index);
    });
    return more || this.rib.hasWork || this.advertising.hasWork;
  }

  settle(): void {
    for (const peer of PEERS) this.block(peer, false);
    while (this.turn(1000));
  }

  /** What each peer has, by prefix; of several paths in any order. */
  get held(): Record<string, Record<string, readonly string[]>> {
    const held: Record<string, Record<string, string[]>> = {};
    for (const peer of PEERS) {
      const routes: Record<string, string[]> = {};
      for (const [key, attributes] of this.readers.get(peer)?.routes ?? []) {
        (routes[key.split(' ')[0]] ??= []).push(JSON.stringify(attributes));
      }
      for (const paths of Object.values(routes)) paths.sort();
      held[peer.name] = routes;
    }
    return held;
  }
}

const labelled = (prefix: Prefix, label: number) => ({ prefix, label, reason: 'a service' });
const byHand = (prefix: Prefix): OwnRoute => ({ prefix, kind: 'manual', reason: '', attributes: PLAIN_ATTRIBUTES });

function workload(prefix: Prefix, i: number): OwnRoute {
  return { prefix, kind: i % 2 === 0 ? 'workload' : 'block', reason: '', attributes: PLAIN_ATTRIBUTES };
}

/** A world that has never known anything but this situation. */
function fresh(situation: Situation): World {
  const world = new World();
  const policiesOf = policiesIn(situation);
  for (const peer of situation.up) world.up(peer, policiesOf(peer));
  world.routes.setWanted(situation.workloads.map(workload));
  for (const prefix of situation.manual) world.routes.add(byHand(prefix));
  world.routes.changeServices(
    [...situation.services].map(([prefix, label]) => labelled(prefix, label)),
    [],
  );
  for (const [prefix, med] of situation.learned) world.learn(prefix, med);
  world.settle();
  return world;
}

function randomOffers(numbers: Numbers): ServiceOffer[] {
  return Array.from({ length: numbers.below(4) }, (_, group): ServiceOffer => {
    const [selector, what] = [numbers.below(SELECTORS.length + 2), numbers.below(40)];
    const terms: ServiceOffer['terms'] = {
      role: what % 5 === 0 ? 'backup' : 'primary',
      communities: what % 3 === 0 ? ['65000:1', `65000:${what}`] : [],
      prepend: what % 4,
      ...(what % 2 === 0 && { med: what, localPreference: 80 + what }),
      ...(what % 7 === 0 && { bandwidth: 125e6 * (what + 1) }),
    };
    return {
      rule: 'ServiceAdvertisement "adv"',
      scope: 'Cluster',
      terms: what === 1 ? undefined : terms,
      ...(selector < SELECTORS.length && { peerSelector: SELECTORS[selector] }),
      ...(group > 0 && { group }),
    };
  });
}

/** What a peer is to have of a route to services, from what its offers say; nothing where it is not told. */
function expected(peer: Peer, label: number, { picked, draining }: Situation): Record<string, unknown> {
  const external = peer.asn !== OWN_AS;
  const known = { ...peer.labels, 'peer.starling.dev/type': 'global' };
  const terms = termsFor(labels.offersOf(label), (text) => {
    const at = SELECTORS.findIndex((selector) => selector === text);
    return ((picked >> at) & 1) === 1 && parseSelector(text).matches(known);
  });
  if (terms === undefined) return {};
  const { communities, prepend, med, localPreference = 100, bandwidth } = terms;
  const localPref = draining ? 0 : localPreference;
  return {
    communities: [...communities, ...(draining ? ['graceful-shutdown'] : [])],
    asPath: external ? [{ type: 'sequence', asns: Array.from({ length: prepend + 1 }, () => OWN_AS) }] : [],
    extendedCommunities: bandwidth === undefined ? [] : [linkBandwidth(OWN_AS, bandwidth, external)],
    ...(external && med !== undefined && { med }),
    unknown: [],
    nextHop: '10.0.0.1',
    ...(!external && { localPref: 'metric' in peer && localPref > 0 ? 0x7fffffff - 1124 + localPref : localPref }),
  };
}

function happen(world: World, situation: Situation, numbers: Numbers): void {
  const kind = numbers.below(100);
  const prefix = PREFIXES[numbers.below(PREFIXES.length)];
  const peer = PEERS[numbers.below(PEERS.length)];
  if (kind < 45) {
    const label = labels.labelOf(randomOffers(numbers));
    const some = Array.from({ length: 1 + numbers.below(6) }, () => PREFIXES[numbers.below(PREFIXES.length)]);
    for (const one of some) situation.services.set(one, label);
    world.routes.changeServices(
      [...new Set(some)].map((one) => labelled(one, label)),
      [],
    );
  } else if (kind < 60) {
    situation.services.delete(prefix);
    world.routes.changeServices([], [prefix]);
  } else if (kind < 70) {
    if (situation.manual.delete(prefix)) world.routes.delete(prefix);
    else {
      situation.manual.add(prefix);
      world.routes.add(byHand(prefix));
    }
  } else if (kind < 76) {
    situation.workloads = Array.from({ length: 5 }, (_, i) => PREFIXES[(numbers.below(24) * 5 + i) % PREFIXES.length]);
    situation.workloads = [...new Set(situation.workloads)];
    world.routes.setWanted(situation.workloads.map(workload));
  } else if (kind < 88) {
    if (!situation.up.has(EDGE)) return;
    const med = situation.learned.has(prefix) ? undefined : numbers.below(3);
    if (med === undefined) situation.learned.delete(prefix);
    else situation.learned.set(prefix, med);
    world.learn(prefix, med);
  } else if (kind < 92) world.block(peer, numbers.below(2) === 0);
  else if (kind < 96) {
    if (situation.up.delete(peer)) {
      world.down(peer);
      if (peer === EDGE) situation.learned.clear();
    } else {
      situation.up.add(peer);
      world.up(peer, policiesIn(situation)(peer));
    }
  } else if (kind < 99) {
    if (kind === 96) situation.draining = !situation.draining;
    else situation.picked = numbers.below(1 << SELECTORS.length);
    world.change(policiesIn(situation));
  } else {
    world.routes.changeServices([], [...situation.services.keys()]);
    situation.services.clear();
  }
}

function check(world: World, situation: Situation): void {
  expect(world.held).toEqual(fresh(situation).held);
  const taken = new Set([...situation.manual, ...situation.workloads]);
  for (const [peer, { routes, needless, repeated }] of world.readers) {
    expect({ name: peer.name, needless, repeated }).toEqual({ name: peer.name, needless: 0, repeated: 0 });
    if ('allPaths' in peer) continue;
    for (const [prefix, label] of situation.services) {
      if (taken.has(prefix)) continue;
      const heard = routes.get(formatPrefix(prefix));
      const { asPath, med, localPref, extendedCommunities, unknown, nextHop } = heard ?? {};
      const communities = heard?.communities.map(formatCommunity);
      const told = { asPath, med, localPref, communities, extendedCommunities, unknown, nextHop };
      expect(told).toEqual(expected(peer, label, situation));
    }
  }
}

it(`what peers hold does not depend on ${OPERATIONS} operations before`, () => {
  const world = new World();
  const numbers = new Numbers(7);
  const situation: Situation = {
    picked: 15,
    draining: false,
    services: new Map(),
    manual: new Set(),
    workloads: [],
    learned: new Map(),
    up: new Set(),
  };
  for (let i = 1; i <= OPERATIONS; i++) {
    happen(world, situation, numbers);
    if (i % 5 === 0) world.turn(1 + numbers.below(8));
    if (i % 100 !== 0) continue;
    world.settle();
    check(world, situation);
    expect(world.advertising.sizes.streams).toBe(world.advertising.sizes.groups);
  }
  world.routes.clear();
  for (const peer of situation.up) world.down(peer);
  world.settle();
  expect(world.rib.sets.count).toBe(0);
  expect(world.advertising.sizes).toEqual({ groups: 0, streams: 0 });
}, 30_000);

it('a drain has each route told once to each peer, learned and reflected ones too, and nothing else; so has its end', () => {
  const situation: Situation = {
    picked: 15,
    draining: false,
    services: new Map(PREFIXES.slice(0, 40).map((prefix, i) => [prefix, labels.labelOf(randomOffers(new Numbers(i)))])),
    manual: new Set(PREFIXES.slice(40, 42)),
    workloads: PREFIXES.slice(42, 44),
    learned: new Map(PREFIXES.slice(44, 50).map((prefix, i) => [prefix, i])),
    up: new Set(PEERS),
  };
  const world = fresh(situation);
  for (const prefix of PREFIXES.slice(50, 60)) world.learn(prefix, 1, PEERS[3]);
  world.settle();
  const { held } = world;
  for (const draining of [true, false]) {
    const counts = [...world.readers.values()].map(({ announced }) => announced);
    world.change(policiesIn({ ...situation, draining }));
    world.settle();
    const told = [...world.readers.values()];
    const heard = told.map(({ announced, withdrawn }, i) => [announced - counts[i], withdrawn]);
    expect(heard).toEqual(told.map(({ routes }) => [routes.size, 0]));
    const all = told.flatMap(({ routes }) => [...routes.values()].map(({ communities }) => communities));
    const marked = all.filter((communities) => communities.map(formatCommunity).includes('graceful-shutdown'));
    expect(marked).toHaveLength(draining ? all.length : 0);
    expect(all.length).toBeGreaterThan(300);
  }
  expect(world.held).toEqual(held);
});
