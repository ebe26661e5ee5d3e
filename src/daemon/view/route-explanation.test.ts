import { describe, expect, it } from 'vitest';
import { FakeResolver } from '../../../test/support/fake-resolver.ts';
import { importPolicy } from '../../../test/support/policy-asking.ts';
import { encodeAttributes } from '../../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../../bgp/messages/attributes/attributes.ts';
import { parsePrefix, prefixBytes } from '../../net/prefix.ts';
import { Advertising } from '../../rib/advertising.ts';
import { SERVICE_PEER } from '../../rib/peers.ts';
import { SOURCE_EXTERNAL, SOURCE_INTERNAL } from '../../rib/policy.ts';
import type { RoutePolicy, RouteSource } from '../../rib/policy.ts';
import { Rib } from '../../rib/rib.ts';
import { RouteExplainer } from './route-explanation.ts';
import type { ExplainedPeer } from './route-explanation.ts';
import { RouteListing } from './route-listing.ts';

const ACCEPT: RoutePolicy = {
  key: 'accept',
  perPrefix: false,
  apply: (route) => route.set,
  explain: () => ({ accepted: true, why: 'accepted by the test' }),
};
const REJECT: RoutePolicy = {
  key: 'reject',
  perPrefix: false,
  apply: () => 0,
  explain: () => ({ accepted: false, why: 'rejected by the test' }),
};

const PREFIX = '10.1.0.0/16';

class Bench {
  readonly kernel = new FakeResolver();
  readonly rib = new Rib({ self: { routerId: 1, clusterId: 1 }, nextHopListener: this.kernel });
  readonly advertising = new Advertising(this.rib);
  readonly index = new Map<string, number>();
  readonly listing = new RouteListing(this.rib, this.advertising, (address) => this.index.get(address));
  readonly explainer = new RouteExplainer(this.rib, this.advertising, this.listing, {
    reason: () => 'the test wants it',
    role: (label) => (label === 1 ? 'backup' : 'primary'),
  });

  peer(address: string, source: RouteSource = SOURCE_EXTERNAL, importPolicy = ACCEPT, exportPolicy = ACCEPT): void {
    const info = { address, source, routerId: 7, localAs: 64512, allowLocalAs: 0, importPolicy };
    const peer = this.rib.peers.add(info);
    this.index.set(address, peer);
    this.advertising.join(peer, {
      to: source === SOURCE_EXTERNAL ? 'external' : 'internal',
      localAs: 64512,
      nextHopMode: 'auto',
      selfNextHop: [Uint8Array.of(10, 0, 0, 1), undefined],
      localPrefScale: 'plain',
      normalMetric: [1024, 1024],
      clusterId: 1,
      exportPolicy,
      families: [0],
      addPaths: [],
      fourOctetAs: true,
      maxMessage: 4096,
    });
  }

  announce(address: string, asns: readonly number[], more: { localPref?: number; communities?: number[] } = {}): void {
    const attributes = {
      ...PLAIN_ATTRIBUTES,
      asPath: [{ type: 'sequence', asns }],
      nextHop: address,
      ...more,
    } as const;
    const block = encodeAttributes(attributes, 0);
    const set = this.rib.sets.acquire(block, 0, block.length);
    const nlri = Uint8Array.of(16, ...prefixBytes(0, ...parsePrefix(PREFIX).words).subarray(0, 2));
    this.rib.announce(this.index.get(address)!, 0, nlri, 0, nlri.length, set);
    this.rib.sets.release(set);
  }

  /** Originates a route to services, with the label of its terms. */
  serve(label: number): this {
    const block = encodeAttributes({ ...PLAIN_ATTRIBUTES, label }, 0);
    const set = this.rib.sets.acquire(block, 0, block.length);
    this.rib.originate(parsePrefix(PREFIX), set, SERVICE_PEER);
    this.rib.sets.release(set);
    return this;
  }

  settle(): this {
    while (this.rib.hasWork || this.advertising.hasWork || this.kernel.hasAnswers) {
      this.rib.setNextHops(this.kernel.takeAnswers());
      this.rib.decide(100);
      this.advertising.flush(0, () => true);
    }
    return this;
  }

  explain(prefix = PREFIX): ReturnType<RouteExplainer['explain']> {
    const peers = [...this.index].map(([address, index]): ExplainedPeer => ({
      address,
      name: null,
      index,
      state: 'Established',
    }));
    return this.explainer.explain(parsePrefix(prefix), peers);
  }
}

describe('explaining a route', () => {
  it('names each candidate with the step at which it lost, and why', () => {
    const bench = new Bench();
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) bench.peer(address);
    bench.peer('192.0.2.4', SOURCE_EXTERNAL, REJECT);
    bench.announce('192.0.2.1', [65001, 65009]);
    bench.announce('192.0.2.2', [65002, 65009, 65010]);
    bench.announce('192.0.2.3', [65003, 64512]);
    bench.announce('192.0.2.4', [65004]);
    const { match, candidates } = bench.settle().explain('10.1.2.3');
    expect(match).toBe(PREFIX);
    expect(candidates.map(({ peer, outcome, step, words }) => [peer, outcome, step, words])).toEqual([
      ['192.0.2.1', 'best', null, 'best of 2 paths; next hop: metric 0'],
      ['192.0.2.2', 'lost', 'AS_PATH length', 'AS_PATH length 3, the best path has 2'],
      ['192.0.2.4', 'rejected', null, 'rejected by the test'],
      ['192.0.2.3', 'rejected', null, 'rejected: AS_PATH holds our AS 64512 (1 times, allowed 0)'],
    ]);
  });

  it('names what the kernel says of next hops', () => {
    const bench = new Bench();
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      bench.peer(address);
      bench.announce(address, [65001]);
    }
    bench.kernel.set('192.0.2.1', 20);
    bench.kernel.set('192.0.2.2', Infinity);
    const { candidates } = bench.settle().explain();
    expect(candidates.map(({ peer, outcome, words }) => [peer, outcome, words])).toEqual([
      ['192.0.2.3', 'best', 'best of 2 paths; next hop: metric 0'],
      ['192.0.2.1', 'lost', 'metric to the next hop 20, the best path has 0'],
      ['192.0.2.2', 'ineligible', "next hop 192.0.2.2 can't be resolved: no route"],
    ]);
  });

  it('tells paths that share the traffic from those that lost', () => {
    const bench = new Bench();
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      bench.peer(address);
      bench.announce(address, [65001]);
    }
    const { candidates } = bench.settle().explain();
    expect(candidates.map(({ peer, outcome, step }) => [peer, outcome, step])).toEqual([
      ['192.0.2.1', 'best', null],
      ['192.0.2.2', 'multipath', 'peer address'],
    ]);
  });

  it('says what LOCAL_PREF comes to, what import changed, and on which scale a peer is told', () => {
    const bench = new Bench();
    const operations = [{ setPriority: { value: 1024 } }];
    const filter = { name: 'f', spec: { importV4: [{ action: 'Accept' as const, operations }] } };
    bench.peer('192.0.2.1', SOURCE_EXTERNAL, importPolicy([filter]));
    bench.peer('192.0.2.2');
    bench.peer('192.0.2.3', SOURCE_INTERNAL);
    bench.announce('192.0.2.1', [65001]);
    bench.announce('192.0.2.2', [65002], { localPref: 50 });
    const { candidates, advertisedTo } = bench.settle().explain();
    expect(candidates.map(({ route, words }) => [route.localPref, words])).toEqual([
      [
        2_147_482_623,
        'best of 2 paths; next hop: metric 0; import: accepted by BGPFilter "f" importV4 rule 1 (any route), which sets priority 1024 (LOCAL_PREF 2147482623)',
      ],
      [50, 'LOCAL_PREF 50, the best path has 2147482623 (metric 1024, which counts as 100)'],
    ]);
    expect(advertisedTo[2].why).toBe(
      'accepted by the test; LOCAL_PREF 2147482623 is told as 100, on the scale of this peer',
    );
  });

  it('says to whom the route is told, and why not to others', () => {
    const bench = new Bench();
    bench.peer('192.0.2.1', SOURCE_INTERNAL);
    bench.peer('192.0.2.2', SOURCE_INTERNAL);
    bench.peer('192.0.2.3');
    bench.peer('192.0.2.4', SOURCE_EXTERNAL, ACCEPT, REJECT);
    bench.announce('192.0.2.1', [65001], { localPref: 100 });
    const { advertisedTo } = bench.settle().explain();
    expect(advertisedTo.map(({ peer, advertised, why }) => [peer, advertised, why])).toEqual([
      ['192.0.2.1', false, 'the best path came from this peer'],
      ['192.0.2.2', false, 'learned from an internal peer, and this router does not reflect to this one (RFC 4456)'],
      ['192.0.2.3', true, 'accepted by the test'],
      ['192.0.2.4', false, 'rejected by the test'],
    ]);
  });

  it('says why a route to services is originated, and on which terms it was told', () => {
    const bench = new Bench();
    bench.peer('192.0.2.1');
    bench.peer('192.0.2.2', SOURCE_INTERNAL, ACCEPT, REJECT);
    const { candidates, advertisedTo } = bench.serve(1).settle().explain();
    expect(candidates).toMatchObject([
      {
        route: { peer: null, source: 'local', origination: 'service' },
        words: expect.stringMatching(/^best: it is the only path.*; originated here: the test wants it$/),
      },
    ]);
    expect(advertisedTo).toMatchObject([
      { role: 'backup', told: { peer: '192.0.2.1', asPath: '64512', nextHop: '10.0.0.1', origination: 'service' } },
      { role: null, advertised: false, why: 'rejected by the test' },
    ]);
    expect(advertisedTo[1].told).toBeUndefined();
    expect(bench.listing.list({ view: 'best', match: 'exact' }, 0, 10).items).toMatchObject([
      { prefix: PREFIX, origination: 'service' },
    ]);
    const peer = { address: '192.0.2.1', name: null, index: bench.index.get('192.0.2.1')!, state: 'Established' };
    expect(bench.explainer.audience(parsePrefix(PREFIX), [peer])).toEqual(advertisedTo.slice(0, 1));
    expect(bench.explainer.audience(parsePrefix('10.2.0.0/16'), [peer])).toEqual([]);
  });

  it('says so where there is no route', () => {
    const bench = new Bench();
    bench.peer('192.0.2.1');
    expect(bench.settle().explain('172.16.0.1')).toMatchObject({ match: null, candidates: [] });
  });
});

describe('listing routes', () => {
  it('gives the views of a peer in slices, each prefix once', () => {
    const bench = new Bench();
    bench.peer('192.0.2.1');
    bench.peer('192.0.2.2');
    bench.announce('192.0.2.1', [65001]);
    bench.settle();
    const views = (['best', 'received', 'accepted', 'rejected', 'advertised'] as const).map((view) => [
      view,
      bench.listing.list({ view, peer: '192.0.2.2', match: 'exact' }, 0, 10).items.length,
      bench.listing.list({ view, peer: '192.0.2.1', match: 'exact' }, 0, 10).items.length,
    ]);
    expect(views).toEqual([
      ['best', 0, 1],
      ['received', 0, 1],
      ['accepted', 0, 1],
      ['rejected', 0, 0],
      ['advertised', 1, 0],
    ]);
    expect(bench.listing.list({ view: 'advertised', peer: '192.0.2.2', match: 'exact' }, 0, 10).items[0]).toMatchObject(
      {
        prefix: PREFIX,
        asPath: '64512 65001',
        nextHop: '10.0.0.1',
        peer: '192.0.2.2',
      },
    );
    expect(() => bench.listing.list({ view: 'best', peer: '192.0.2.9', match: 'exact' }, 0, 10)).toThrow(
      /is not a peer/,
    );
  });
});
