import { beforeEach, describe, expect, it } from 'vitest';
import { AdjRibInReader } from '../../test/support/adj-rib-in-reader.ts';
import { judge } from '../../test/support/policy-asking.ts';
import { ServiceLabels } from '../advertiser/service-labels.ts';
import type { ServiceOffer, ServiceTerms } from '../advertiser/service-routes.ts';
import { formatCommunity } from '../bgp/messages/attributes/communities.ts';
import { parsePrefix } from '../net/prefix.ts';
import { clusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { Advertising } from '../rib/advertising.ts';
import { SOURCE_SERVICE } from '../rib/policy.ts';
import { Rib } from '../rib/rib.ts';
import type { GroupProfile } from '../rib/update-group.ts';
import { DesiredStateComputer } from './desired-state.ts';
import type { Policies } from './neighbour-policies.ts';
import { OwnRoutes } from './own-routes.ts';
import { peerSelectorsIn } from './service-exports.ts';

function resource(apiVersion: string, kind: string, metadata: object, spec: object): AnyResource {
  const parsed = parseResource({ apiVersion, kind, metadata, spec });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
}

const CALICO = 'projectcalico.org/v3';
const NODE = resource(CALICO, 'Node', { name: 'n1' }, { bgp: { ipv4Address: '10.0.0.1/24', asNumber: 65_000 } });
/** Two ToRs of rack a, one of rack b, and a peer in our AS. */
const PEERS = [
  ['a1', '192.0.2.1', 65_001, { rack: 'a' }],
  ['a2', '192.0.2.2', 65_001, { rack: 'a' }],
  ['b1', '192.0.2.3', 65_001, { rack: 'b' }],
  ['core', '192.0.2.4', 65_000, {}],
] as const;
const RACK_A = "rack == 'a'";

function advertisement(peerSelector: string, name = 'adv'): AnyResource {
  return resource('starling.dev/v1alpha1', 'ServiceAdvertisement', { name }, { peerSelector });
}

function offer(terms: Partial<ServiceTerms> | undefined, peerSelector?: string): ServiceOffer {
  return {
    rule: 'ServiceAdvertisement "adv"',
    scope: 'Cluster',
    terms: terms && { role: 'primary', communities: [], prepend: 0, ...terms },
    ...(peerSelector !== undefined && { peerSelector }),
  };
}

const labels = new ServiceLabels();
let computer: DesiredStateComputer;

beforeEach(() => {
  computer = new DesiredStateComputer();
});

/** The policies for the peers, in their order. */
function policiesWith(
  advertisements: readonly AnyResource[],
  gracefulShutdown = false,
  peerSelectors: readonly string[] = [],
  localAs: Readonly<Record<string, number>> = {},
): Policies[] {
  const peers = PEERS.map(([name, peerIP, asNumber, peerLabels]) =>
    resource(
      CALICO,
      'BGPPeer',
      { name, labels: peerLabels },
      { peerIP, asNumber, ...(Object.hasOwn(localAs, name) && { localASNumber: localAs[name] }) },
    ),
  );
  const state = computer.compute(
    clusterView([NODE, ...peers, ...advertisements]),
    { name: 'n1', namespace: 'kube-system' },
    {
      workloads: [],
      kernel: undefined,
      drain: { gracefulShutdown, withholdPods: false, withholdServices: false },
      services: { labels, peerSelectors, strict: false },
    },
  );
  return PEERS.map(([, address]) => state.neighbours.get(address)!.policies);
}

describe('who is told a route to services', () => {
  const route = (...offers: ServiceOffer[]) =>
    ({ source: SOURCE_SERVICE, attributes: { label: labels.labelOf(offers) } }) as const;

  it('is everybody, unless a ServiceAdvertisement picks some', () => {
    const told = (route_: ReturnType<typeof route>) =>
      policiesWith([advertisement(RACK_A)]).map((policies) => judge(policies.export, '10.96.0.1/32', route_));
    expect(told(route()).map(({ why }) => why)).toEqual(PEERS.map(() => 'accepted: own service route'));
    expect(told(route(offer({ med: 5 }, RACK_A))).map(({ why }) => why)).toEqual([
      'accepted: own service route; told by ServiceAdvertisement "adv", with MED 5',
      'accepted: own service route; told by ServiceAdvertisement "adv", with MED 5',
      'rejected: this peer is not told by ServiceAdvertisement "adv"',
      'rejected: this peer is not told by ServiceAdvertisement "adv"',
    ]);
  });

  it('is with the AS in front that this side of the session has', () => {
    const told = policiesWith([], false, [], { a2: 64_999 }).map(
      (policies) => judge(policies.export, '10.96.0.1/32', route(offer({ prepend: 1 }))).why,
    );
    expect(told.slice(0, 2)).toEqual([
      'accepted: own service route; told by ServiceAdvertisement "adv", with AS 65000 put in front 1 more time',
      'accepted: own service route; told by ServiceAdvertisement "adv", with AS 64999 put in front 1 more time',
    ]);
  });

  it('divides peers into as few groups as there are differences', () => {
    const groups = (...advertisements: AnyResource[]) =>
      policiesWith(advertisements).map(({ export: { key } }, _, all) => all.findIndex((one) => one.export.key === key));
    expect(groups()).toEqual([0, 0, 0, 3]);
    expect(groups(advertisement('all()'))).toEqual([0, 0, 0, 3]);
    expect(groups(advertisement(RACK_A))).toEqual([0, 0, 2, 3]);
    expect(groups(advertisement(RACK_A), advertisement("peer.starling.dev/name == 'a2'", 'two'))).toEqual([0, 1, 2, 3]);
    expect(groups(advertisement("rack == 'z'"))).toEqual([0, 0, 0, 3]);
  });
});

describe('routes to services on the wire', () => {
  const PREFIXES = Array.from({ length: 50 }, (_, i) => parsePrefix(`10.96.0.${i}/32`));
  let rib: Rib;
  let advertising: Advertising;
  let routes: OwnRoutes;
  let readers: AdjRibInReader[];
  let written: number[];

  function profile(policies: Policies, index: number): GroupProfile {
    return {
      to: index === 3 ? 'internal' : 'external',
      localAs: 65_000,
      nextHopMode: 'auto',
      selfNextHop: [Uint8Array.of(10, 0, 0, 1), undefined],
      clusterId: 1,
      localPrefScale: 'plain',
      normalMetric: [1024, 1024],
      exportPolicy: policies.export,
      families: [0],
      addPaths: [],
      fourOctetAs: true,
      maxMessage: 4096,
    };
  }

  /** Has all told, and returns which of the peers heard anything. */
  function settle(): string[] {
    written = PEERS.map(() => 0);
    for (let more = true; more;) {
      rib.decide(1000);
      ({ more } = advertising.flush(0, (peer, bytes) => {
        written[peer - 3] += bytes.length;
        readers[peer - 3].feed(bytes);
        return true;
      }));
      more ||= rib.hasWork;
    }
    return PEERS.filter((_, index) => written[index] > 0).map(([name]) => name);
  }

  function originate(count: number, ...offers: ServiceOffer[]): string[] {
    const label = labels.labelOf(offers);
    routes.changeServices(
      PREFIXES.slice(0, count).map((prefix) => ({ prefix, label, reason: 'a service' })),
      [],
    );
    return settle();
  }

  function change(policies: readonly Policies[]): string[] {
    for (const [index, one] of policies.entries()) advertising.change(3 + index, profile(one, index));
    return settle();
  }

  const heard = (name: string, address = '10.96.0.0/32') =>
    readers[PEERS.findIndex((peer) => peer[0] === name)].routes.get(address);

  beforeEach(() => {
    rib = new Rib({ self: { routerId: 1, clusterId: 1 } });
    advertising = new Advertising(rib);
    routes = new OwnRoutes(rib);
    readers = PEERS.map(([, , asn]) => new AdjRibInReader(4096, { fourOctetAs: true, external: asn !== 65_000 }));
    for (const [index, policies] of policiesWith([advertisement(RACK_A)]).entries()) {
      const [, address] = PEERS[index];
      const importPolicy = policies.import;
      const peer = rib.peers.add({ address, source: 3, routerId: 9, localAs: 65_000, allowLocalAs: 0, importPolicy });
      advertising.join(peer, profile(policies, index));
    }
    settle();
  });

  it('are told on other terms to peers of other groups, without their labels', () => {
    const backup = { role: 'backup', communities: ['65000:7'], med: 100, localPreference: 50, prepend: 2 } as const;
    change(policiesWith([advertisement(RACK_A), advertisement("rack != 'a'", 'others')]));
    originate(50, offer({ med: 5 }, RACK_A), offer(backup, "rack != 'a'"));
    expect(advertising.sizes.groups).toBe(3);
    expect(heard('a1')).toMatchObject({ med: 5, communities: [], asPath: [{ asns: [65_000] }], unknown: [] });
    expect(heard('a1')).toEqual(heard('a2'));
    expect(heard('b1')).toMatchObject({ med: 100, asPath: [{ asns: [65_000, 65_000, 65_000] }], unknown: [] });
    expect(heard('b1')?.communities.map(formatCommunity)).toEqual(['65000:7']);
    expect(heard('core')).toMatchObject({ localPref: 50, asPath: [], unknown: [] });
    expect(heard('core')).not.toHaveProperty('med');
    expect(readers.map(({ routes: told }) => told.size)).toEqual([50, 50, 50, 50]);
  });

  it('are told anew where another label makes a difference, and nowhere else', () => {
    expect(originate(50)).toEqual(['a1', 'a2', 'b1', 'core']);
    expect(originate(1, offer({ med: 5 }, RACK_A), offer({}))).toEqual(['a1', 'a2']);
    expect(heard('a1')).toMatchObject({ med: 5 });
    expect(heard('a1', '10.96.0.1/32')).not.toHaveProperty('med');
    // Another label that comes to the same.
    expect(originate(1, offer({ med: 5 }, RACK_A), { ...offer({}), rule: 'ServiceAdvertisement "other"' })).toEqual([]);
    expect(originate(1, offer(undefined))).toEqual(['a1', 'a2', 'b1', 'core']);
    expect(readers.map(({ routes: told }) => told.size)).toEqual([49, 49, 49, 49]);
  });

  it('are told anew where ServiceAdvertisements pick other peers, and only the difference', () => {
    originate(10, offer({ med: 5 }, RACK_A), offer({}));
    originate(1, offer({ med: 5 }, RACK_A), offer({}), offer({}, "rack == 'z'"));
    expect(change(policiesWith([advertisement(RACK_A), advertisement("rack == 'z'", 'more')]))).toEqual([]);
    expect(change(policiesWith([advertisement(RACK_A), advertisement("rack == 'b'", 'more')]))).toEqual([]);
    originate(1, offer({ med: 7 }, "rack == 'b'"), offer({}));
    expect(heard('a1')).not.toHaveProperty('med');
    expect(heard('b1')).toMatchObject({ med: 7 });
    expect(heard('a1', '10.96.0.1/32')).toMatchObject({ med: 5 });
  });

  it('are told nobody anew while a rule is written in other words, or held back although its rule is gone', () => {
    const [before, after] = [offer({ med: 5 }, RACK_A), offer({ med: 5 }, "rack in {'a'}")];
    const inForce = () => peerSelectorsIn(labels, routes.labels);
    expect(originate(10, before)).toEqual(['a1', 'a2']);
    expect(inForce()).toEqual([RACK_A]);
    // First the policies, which know what is and what will be; then the labels; then what was is forgotten.
    expect(change(policiesWith([advertisement("rack in {'a'}")], false, inForce()))).toEqual([]);
    expect(originate(10, after)).toEqual([]);
    expect(inForce()).toEqual(["rack in {'a'}"]);
    expect(change(policiesWith([advertisement("rack in {'a'}")], false, inForce()))).toEqual([]);
    expect(change(policiesWith([], false, inForce()))).toEqual([]);
    expect(advertising.sizes.groups).toBe(3);
    expect(originate(10)).toEqual(['a1', 'a2', 'b1', 'core']);
    expect(change(policiesWith([], false, inForce()))).toEqual([]);
    expect(advertising.sizes.groups).toBe(2);
  });

  it('carry the community of a graceful shutdown for as long as there is one', () => {
    originate(50);
    const usual = ['a1', 'core'].map((name) => heard(name));
    change(policiesWith([advertisement(RACK_A)], true));
    expect(heard('a1')?.communities.map(formatCommunity)).toEqual(['graceful-shutdown']);
    expect(heard('core')).toMatchObject({ localPref: 0 });
    // One UPDATE for each: nothing is withdrawn, and nothing told twice.
    expect(readers.map(({ withdrawn }) => withdrawn)).toEqual([0, 0, 0, 0]);
    expect(written.map((bytes) => Math.floor(bytes / 250))).toEqual([1, 1, 1, 1]);
    change(policiesWith([advertisement(RACK_A)]));
    expect(['a1', 'core'].map((name) => heard(name))).toEqual(usual);
    expect(change(policiesWith([advertisement(RACK_A)]))).toEqual([]);
  });
});
