/** What an edited filter costs: who hears what, and of how many routes is asked. */
import { beforeEach, describe, expect, it } from 'vitest';
import { exportPolicy, importPolicy } from '../../test/support/policy-asking.ts';
import { decodeAttributes, encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { parsePrefix } from '../net/prefix.ts';
import { Advertising } from '../rib/advertising.ts';
import { WORKLOAD_PEER } from '../rib/peers.ts';
import { SOURCE_EXTERNAL, SOURCE_INTERNAL } from '../rib/policy.ts';
import type { RoutePolicy } from '../rib/policy.ts';
import { Rib } from '../rib/rib.ts';
import type { GroupProfile } from '../rib/update-group.ts';
import type { FilterRule } from './bgp-filter.ts';

/** Prefixes that the first peer announces: 10.0.0.0/24 and the ones behind it. */
const PREFIXES = 1000;

const NLRI = Uint8Array.from({ length: PREFIXES * 4 }, (_, i) => [24, 10, (i >> 2) >> 8, (i >> 2) & 255][i & 3]);

/** The 256 prefixes of 10.1.0.0/16. */
const IN_ONE: FilterRule = { cidr: '10.1.0.0/16', matchOperator: 'In', action: 'Reject' };

const POOLS = [{ name: 'p', prefix: parsePrefix('10.0.0.0/8'), disableBGPExport: false }];

let rib: Rib;
let advertising: Advertising;
/** How often a policy was asked. */
let asked: number;
/** Bytes written to each peer. */
let written: Map<number, number>;

beforeEach(() => {
  rib = new Rib({ self: { routerId: 1, clusterId: 1 } });
  advertising = new Advertising(rib);
  asked = 0;
  written = new Map();
});

function counting(policy: RoutePolicy): RoutePolicy {
  const apply: RoutePolicy['apply'] = (route) => {
    asked++;
    return policy.apply(route);
  };
  return { ...policy, apply };
}

function importing(...importV4: FilterRule[]): RoutePolicy {
  return counting(importPolicy([{ name: 'f', spec: { importV4 } }]));
}

function exporting(...exportV4: FilterRule[]): RoutePolicy {
  return counting(exportPolicy({ filters: [{ name: 'f', spec: { exportV4 } }], pools: POOLS }));
}

function profile(policy: RoutePolicy): GroupProfile {
  return {
    to: 'internal',
    localAs: 64_512,
    nextHopMode: 'auto',
    selfNextHop: [Uint8Array.of(192, 0, 2, 1), undefined],
    clusterId: 1,
    localPrefScale: 'plain',
    normalMetric: [1024, 1024],
    exportPolicy: policy,
    families: [0],
    addPaths: [],
    fourOctetAs: true,
    maxMessage: 4096,
  };
}

function peer(address: string, importPolicy: RoutePolicy, source: typeof SOURCE_EXTERNAL | typeof SOURCE_INTERNAL) {
  return rib.peers.add({ address, source, routerId: 2, localAs: 64_512, allowLocalAs: 0, importPolicy });
}

/** Peer 2 tells all prefixes; peers 3 and 4 hear them. */
function threePeers(policy: RoutePolicy): [teller: number, one: number, other: number] {
  const teller = peer('192.0.2.2', importing(), SOURCE_EXTERNAL);
  const [one, other] = ['192.0.2.3', '192.0.2.4'].map((address) => peer(address, importing(), SOURCE_INTERNAL));
  const asPath = [{ type: 'sequence' as const, asns: [65_001] }];
  const block = encodeAttributes({ ...PLAIN_ATTRIBUTES, asPath, nextHop: '192.0.2.2' }, 0);
  const set = rib.sets.acquire(block, 0, block.length);
  rib.announce(teller, 0, NLRI, 0, NLRI.length, set);
  rib.sets.release(set);
  for (const index of [one, other]) advertising.join(index, profile(policy));
  settle();
  asked = 0;
  written.clear();
  return [teller, one, other];
}

function settle(): void {
  for (let more = true; more;) {
    rib.decide(100);
    ({ more } = advertising.flush(0, (index, bytes) => {
      written.set(index, (written.get(index) ?? 0) + bytes.length);
      return true;
    }));
    more ||= rib.hasWork;
  }
}

function toldCounts(...peers: number[]): number[] {
  return peers.map((index) => advertising.toldCount(index, 0));
}

describe('an edited import filter', () => {
  it('is asked of the routes that its changed rules are about, and only their changes are told', () => {
    const [teller, one, other] = threePeers(exporting());
    rib.changeImport(teller, importing(IN_ONE));
    const before = asked;
    settle();
    // Once each when evaluated; the export policy is not asked of what goes.
    expect(asked - before).toBe(256);
    expect(rib.peers.accepted[0][teller]).toBe(PREFIXES - 256);
    expect(toldCounts(one, other)).toEqual([PREFIXES - 256, PREFIXES - 256]);
  });

  it('changes attributes from what was received, and gives them back as they were', () => {
    const [teller, one] = threePeers(exporting());
    const accept: FilterRule = { ...IN_ONE, action: 'Accept', operations: [{ prependASPath: { prefix: [65_001] } }] };
    const prefix = rib.tables[0].prefixes.find(...parsePrefix('10.1.7.0/24').words, 24);
    const pathTold = () => {
      const [{ set }] = advertising.told(one, 0, prefix).paths;
      const start = rib.sets.offset[set];
      return decodeAttributes(rib.sets.arena, start, start + rib.sets.length[set]).asPath;
    };
    const sets = rib.sets.count;
    for (let round = 0; round < 3; round++) {
      rib.changeImport(teller, importing(accept));
      settle();
      expect(pathTold()).toEqual([{ type: 'sequence', asns: [65_001, 65_001] }]);
    }
    rib.changeImport(teller, importing());
    settle();
    expect(pathTold()).toEqual([{ type: 'sequence', asns: [65_001] }]);
    expect(rib.sets.count).toBe(sets);
  });

  it('costs nothing where only its words change, or it is about the other family', () => {
    const [teller] = threePeers(exporting());
    const accept = { action: 'Accept' as const };
    rib.changeImport(teller, importPolicy([{ name: 'other', spec: {} }]));
    rib.changeImport(teller, counting(importPolicy([{ name: 'f', spec: { importV6: [{ action: 'Reject' }] } }])));
    expect(rib.hasWork).toBe(true);
    settle();
    expect([asked, written.size]).toEqual([0, 0]);
    rib.changeImport(teller, importing(accept));
    settle();
    expect(asked).toBe(PREFIXES);
  });
});

describe('an edited export filter', () => {
  it('is asked of the routes that its changed rules are about, and only those who have it hear of them', () => {
    const [, one, other] = threePeers(exporting());
    advertising.change(one, profile(exporting(IN_ONE)));
    settle();
    expect(asked).toBe(256);
    expect(toldCounts(one, other)).toEqual([PREFIXES - 256, PREFIXES]);
    expect([...written.keys()]).toEqual([one]);
    // 256 withdrawn prefixes of four bytes each, in one UPDATE.
    expect(written.get(one)).toBe(23 + 256 * 4);
  });

  it('is asked of no more than these where all paths are told', () => {
    const [teller, one, other] = threePeers(exporting());
    const set = rib.tables[0].received[1];
    rib.sets.retain(set);
    // Told again in another order, so that paths and prefixes don't have the same numbers.
    const early = peer('192.0.2.1', importing(), SOURCE_EXTERNAL);
    rib.announce(early, 0, NLRI, 0, NLRI.length, set);
    rib.withdraw(teller, 0, NLRI, 0, NLRI.length);
    rib.announce(teller, 0, NLRI, 0, NLRI.length, set);
    rib.sets.release(set);
    for (const index of [one, other]) advertising.leave(index);
    advertising.join(one, { ...profile(exporting()), addPaths: [0] });
    settle();
    asked = 0;
    advertising.change(one, { ...profile(exporting(IN_ONE)), addPaths: [0] });
    settle();
    expect(asked).toBe(2 * 256);
    expect(toldCounts(one)).toEqual([2 * (PREFIXES - 256)]);
    advertising.change(one, { ...profile(exporting()), addPaths: [0] });
    settle();
    expect([asked, ...toldCounts(one)]).toEqual([4 * 256, 2 * PREFIXES]);
  });

  it('is not heard of where it comes to the same', () => {
    const [, one, other] = threePeers(exporting({ ...IN_ONE, action: 'Accept' }));
    for (const index of [one, other]) {
      advertising.change(index, profile(exporting({ ...IN_ONE, prefixLength: { max: 24 }, action: 'Accept' })));
    }
    settle();
    expect(asked).toBe(256);
    expect(written.size).toBe(0);
    expect(advertising.sizes).toEqual({ groups: 1, streams: 1 });
  });

  it('tells changed attributes to those who have it, and keeps none of them when they are told others', () => {
    const [, one] = threePeers(exporting());
    const sets = rib.sets.count;
    const operations = [{ setPriority: { value: 1024 } }, { addCommunity: { value: '65000:1' } }];
    advertising.change(one, profile(exporting({ ...IN_ONE, action: 'Accept', operations })));
    settle();
    expect(rib.sets.count).toBeGreaterThan(sets);
    advertising.change(one, profile(exporting()));
    settle();
    expect(rib.sets.count).toBe(sets);
  });
});

describe('another metric of normal routes', () => {
  it('has what was decided by it decided anew', () => {
    const [plain, metric] = ['192.0.2.2', '192.0.2.3'].map((address) => peer(address, importing(), SOURCE_INTERNAL));
    for (const [teller, localPref] of [
      [plain, 200],
      [metric, 2_147_482_823], // metric 824
    ]) {
      const block = encodeAttributes({ ...PLAIN_ATTRIBUTES, localPref, nextHop: '192.0.2.9' }, 0);
      const set = rib.sets.acquire(block, 0, block.length);
      rib.announce(teller, 0, NLRI, 0, 4, set);
      rib.sets.release(set);
    }
    settle();
    const bestWith = (normal: number): number => {
      rib.setNormalMetrics([normal, 1024]);
      settle();
      return rib.tables[0].bestPeer[rib.tables[0].prefixes.find(...parsePrefix('10.0.0.0/24').words, 24)];
    };
    expect([bestWith(1024), bestWith(512), bestWith(1024)]).toEqual([metric, plain, metric]);
  });

  it('is what those are told who use metrics', () => {
    const [, one] = threePeers(exporting());
    const own = parsePrefix('10.99.0.0/24');
    const block = encodeAttributes(PLAIN_ATTRIBUTES, 0);
    rib.originate(own, rib.sets.acquire(block, 0, block.length));
    const toldWith = (metric: number): number => {
      rib.setNormalMetrics([metric, metric]);
      advertising.change(one, { ...profile(exporting()), localPrefScale: 'metric', normalMetric: [metric, metric] });
      settle();
      const { paths } = advertising.told(one, 0, rib.tables[0].prefixes.find(...own.words, own.length));
      return rib.sets.localPref[paths[0].set];
    };
    expect([toldWith(1024), toldWith(512)]).toEqual([2_147_482_623, 2_147_483_135]);
  });
});

describe('a community that an import filter adds', () => {
  it('keeps a route from those whom it is about (RFC 1997)', () => {
    const [teller, one, other] = threePeers(exporting());
    advertising.change(other, { ...profile(exporting()), to: 'external' });
    const adding = (value: string): RoutePolicy =>
      importing({ action: 'Accept', operations: [{ addCommunity: { value } }] });
    rib.changeImport(teller, adding('65535:65281'));
    settle();
    expect(toldCounts(one, other)).toEqual([PREFIXES, 0]);
    rib.changeImport(teller, adding('65535:65282'));
    settle();
    expect(toldCounts(one, other)).toEqual([0, 0]);
    rib.changeImport(teller, importing());
    settle();
    expect(toldCounts(one, other)).toEqual([PREFIXES, PREFIXES]);
  });
});

describe('policies that undo each other', () => {
  it('keep no attributes that nobody has any more', () => {
    const raise: FilterRule = { action: 'Accept', operations: [{ setPriority: { value: 512 } }] };
    const lower: FilterRule = { action: 'Accept', operations: [{ setPriority: { value: 1024 } }] };
    const teller = peer('192.0.2.2', importing(raise), SOURCE_EXTERNAL);
    const [one, other] = ['192.0.2.3', '192.0.2.4'].map((address) => peer(address, importing(), SOURCE_INTERNAL));
    advertising.join(one, profile(exporting(lower)));
    advertising.join(other, { ...profile(exporting(raise)), to: 'client' });
    for (let med = 0; med < 50; med++) {
      const block = encodeAttributes({ ...PLAIN_ATTRIBUTES, med, localPref: 2_147_482_623, nextHop: '192.0.2.2' }, 0);
      const set = rib.sets.acquire(block, 0, block.length);
      rib.announce(teller, 0, NLRI, 0, 4, set);
      rib.sets.release(set);
      settle();
    }
    expect(rib.sets.count).toBeLessThan(6);
    rib.withdraw(teller, 0, NLRI, 0, 4);
    settle();
    expect(rib.sets.count).toBe(0);
  });
});

describe('rules about interfaces', () => {
  const onEth1: FilterRule = { interface: 'eth1', action: 'Reject' };
  const pods: FilterRule = { interface: 'cali*', action: 'Reject' };

  it('follow the interface that the kernel has for a next hop', () => {
    const watches: number[] = [];
    rib = new Rib({
      self: { routerId: 1, clusterId: 1 },
      nextHopListener: { watch: (watch) => watches.push(watch), unwatch: () => {} },
    });
    advertising = new Advertising(rib);
    const answer = (link: string) => {
      rib.setNextHops([{ id: watches[0], reachable: true, metric: 0, words: link, interface: link }]);
      settle();
    };
    const [teller, one, other] = threePeers(exporting(onEth1));
    advertising.change(other, profile(exporting()));
    answer('eth0');
    expect(toldCounts(one, other)).toEqual([PREFIXES, PREFIXES]);
    written.clear();
    answer('eth1');
    expect(toldCounts(one, other)).toEqual([0, PREFIXES]);
    expect([...written.keys()]).toEqual([one]);
    rib.changeImport(teller, importing(onEth1));
    settle();
    expect(rib.peers.accepted[0][teller]).toBe(0);
    answer('eth0');
    expect(rib.peers.accepted[0][teller]).toBe(PREFIXES);
    expect(toldCounts(one, other)).toEqual([PREFIXES, PREFIXES]);
  });

  it.each([
    ['the best paths', []],
    ['all paths', [0 as const]],
  ])('follow the interface of a workload towards a peer that is told %s', (_, addPaths) => {
    const [, one] = threePeers(exporting());
    const workload = parsePrefix('10.99.0.7/32');
    const block = encodeAttributes(PLAIN_ATTRIBUTES, 0);
    const set = rib.sets.acquire(block, 0, block.length);
    advertising.leave(one);
    advertising.join(one, { ...profile(exporting(pods)), addPaths });
    const toldWith = (link: string): boolean => {
      rib.originate(workload, set, WORKLOAD_PEER, link);
      settle();
      return advertising.told(one, 0, rib.tables[0].prefixes.find(...workload.words, 32)).paths.length > 0;
    };
    expect([toldWith('cali1'), toldWith('tap1'), toldWith('cali2')]).toEqual([false, true, false]);
    // A route by hand beside it has no interface, and takes none away.
    rib.originate(workload, set);
    rib.withdrawOwn(workload);
    settle();
    expect(advertising.toldCount(one, 0)).toBe(PREFIXES);
  });
});
