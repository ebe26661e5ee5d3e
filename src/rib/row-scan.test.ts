/** What is done to all paths of a peer is done in slices: what can be seen while that goes on. */
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { SOURCE_CLIENT, SOURCE_EXTERNAL } from './policy.ts';
import type { RoutePolicy, RouteSource } from './policy.ts';
import { Rib } from './rib.ts';

/** Prefixes that each peer announces: 10.0.0.0/24 and the ones behind it. */
const PREFIXES = 1000;

const NLRI = Uint8Array.from({ length: PREFIXES * 4 }, (_, i) => [24, 10, (i >> 2) >> 8, (i >> 2) & 255][i & 3]);

const ACCEPT = policy('accept', (set) => set);
const REJECT = policy('reject', () => 0);

function policy(key: string, apply: (set: number) => number): RoutePolicy {
  return { key, perPrefix: false, apply: ({ set }) => apply(set), explain: () => ({ accepted: true, why: key }) };
}

let rib: Rib;
/** Prefixes whose best path changed, in order. */
let changed: number[];

beforeEach(() => {
  rib = new Rib({ self: { routerId: 1, clusterId: 1 } });
  changed = [];
  // As for a listener that has told others, the prefixes stay.
  rib.onBestChanged({
    bestChanged: (family, prefix) => {
      rib.tables[family].prefixes.hold(prefix);
      changed.push(prefix);
    },
  });
});

function info(address: string, importPolicy = ACCEPT, source: RouteSource = SOURCE_EXTERNAL) {
  return { address, source, routerId: 1, localAs: 64512, allowLocalAs: 0, importPolicy };
}

/** A peer announces the first `count` prefixes, with an AS_PATH of that length. */
function announce(peer: number, pathLength: number, count = PREFIXES): void {
  const asns = Array.from({ length: pathLength }, () => 65001);
  const attributes = { ...PLAIN_ATTRIBUTES, asPath: [{ type: 'sequence' as const, asns }], nextHop: '192.0.2.9' };
  const block = encodeAttributes(attributes, 0);
  const set = rib.sets.acquire(block, 0, block.length);
  rib.announce(peer, 0, NLRI, 0, count * 4, set);
  rib.sets.release(set);
}

function settle(): void {
  while (rib.hasWork) rib.decide(100);
}

/** How many prefixes have this peer's path as their best, undefined for none at all. */
function bestOf(peer: number | undefined): number {
  const [{ bestPeer, bestSet, prefixes }] = rib.tables;
  const ids = Array.from({ length: prefixes.end - 1 }, (_, i) => i + 1);
  if (peer === undefined) return ids.filter((id) => bestSet[id] === 0).length;
  return ids.filter((id) => bestSet[id] !== 0 && bestPeer[id] === peer).length;
}

function counts(peer: number): number[] {
  return [rib.peers.received[0][peer], rib.peers.accepted[0][peer], rib.peers.stale[0][peer]];
}

/** Two peers with the same prefixes; the path of the first one is the better one. */
function twoPeers(): [better: number, worse: number] {
  const better = rib.peers.add(info('192.0.2.1'));
  const worse = rib.peers.add(info('192.0.2.2'));
  announce(better, 1);
  announce(worse, 2);
  settle();
  expect(bestOf(better)).toBe(PREFIXES);
  changed.length = 0;
  return [better, worse];
}

describe('routes of a peer whose session is gone', () => {
  it('give way bit by bit, from the first slice on', () => {
    const [better, worse] = twoPeers();
    rib.flush(better, 0);
    expect(counts(better)).toEqual([0, 0, 0]);
    rib.decide(10);
    expect(changed).toHaveLength(10);
    expect([bestOf(better), bestOf(worse)]).toEqual([PREFIXES - 10, 10]);
    settle();
    expect(bestOf(worse)).toBe(PREFIXES);
    expect(rib.tables[0].count).toBe(PREFIXES);
    expect(rib.tables[0].bestCount).toBe(PREFIXES);
    rib.flush(worse, 0);
    settle();
    expect([bestOf(undefined), rib.tables[0].bestCount, rib.tables[0].count]).toEqual([PREFIXES, 0, 0]);
  });

  it('are not selected any more, even where their turn has not come', () => {
    const [better, worse] = twoPeers();
    rib.flush(better, 0);
    announce(worse, 3);
    while (rib.tables[0].dirty.length > 0) rib.decide(1);
    expect(bestOf(better)).toBe(0);
    expect(rib.tables[0].count).toBe(PREFIXES);
  });

  it('keep the number of the peer from others until they are removed', () => {
    const [better, worse] = twoPeers();
    rib.flush(better, 0);
    rib.peers.remove(better);
    rib.decide(10);
    const back = rib.peers.add(info('192.0.2.1'));
    expect(back).not.toBe(better);
    announce(back, 1, 600);
    rib.decide(10);
    expect(counts(back)).toEqual([600, 600, 0]);
    settle();
    expect([bestOf(back), bestOf(worse)]).toEqual([600, 400]);
    expect(rib.tables[0].count).toBe(1600);
    expect(rib.peers.add(info('192.0.2.3'))).toBe(better);
  });

  it('are taken up again where the peer sends them meanwhile', () => {
    const [better, worse] = twoPeers();
    rib.flush(better, 0);
    rib.decide(300);
    announce(better, 1, 600);
    expect(counts(better)).toEqual([600, 600, 0]);
    settle();
    expect([bestOf(better), bestOf(worse)]).toEqual([600, 400]);
    expect(counts(better)).toEqual([600, 600, 0]);
  });

  it('stay gone, however often the peer restarts before they are removed', () => {
    const [better, worse] = twoPeers();
    for (let i = 0; i < 600; i++) {
      announce(better, 1, 1);
      rib.markStale(better, 0);
      expect(counts(better)).toEqual(i === 0 ? [PREFIXES, PREFIXES, PREFIXES] : [1, 1, 1]);
    }
    settle();
    expect([bestOf(better), bestOf(worse)]).toEqual([1, PREFIXES - 1]);
    expect(rib.tables[0].count).toBe(PREFIXES + 1);
  });
});

describe('stale routes of a peer', () => {
  it('count as what import makes of them', () => {
    const [better] = twoPeers();
    rib.markStale(better, 0);
    rib.reimport(better, info('192.0.2.1', REJECT));
    settle();
    expect(counts(better)).toEqual([PREFIXES, 0, PREFIXES]);
    rib.reimport(better, info('192.0.2.1'));
    announce(better, 1, 300);
    settle();
    expect(counts(better)).toEqual([PREFIXES, PREFIXES, 700]);
    rib.sweep(better, 0);
    expect(counts(better)).toEqual([300, 300, 0]);
    settle();
    expect(counts(better)).toEqual([300, 300, 0]);
    expect(bestOf(better)).toBe(300);
  });
});

describe('another import policy', () => {
  it('comes into force bit by bit, and at once for what is sent meanwhile', () => {
    const [better, worse] = twoPeers();
    rib.reimport(better, info('192.0.2.1', REJECT));
    announce(better, 1, 600);
    expect(counts(better)).toEqual([PREFIXES, 400, 0]);
    rib.decide(10);
    expect(bestOf(worse)).toBe(10);
    rib.reimport(better, info('192.0.2.1'));
    settle();
    expect(bestOf(better)).toBe(PREFIXES);
    expect(counts(better)).toEqual([PREFIXES, PREFIXES, 0]);
  });

  it('does not meet those who left meanwhile', () => {
    const [better, worse] = twoPeers();
    rib.reimport(better, info('192.0.2.1', REJECT));
    rib.flush(better, 0);
    rib.peers.remove(better);
    settle();
    expect(bestOf(worse)).toBe(PREFIXES);
    expect(rib.tables[0].count).toBe(PREFIXES);
  });
});

it('all are told anew what is best from a peer that becomes another kind of source', () => {
  const [better] = twoPeers();
  rib.reimport(better, info('192.0.2.1', ACCEPT, SOURCE_CLIENT));
  rib.withdraw(better, 0, NLRI, 0, 400);
  announce(better, 1);
  settle();
  expect(new Set(changed).size).toBe(PREFIXES);
});
