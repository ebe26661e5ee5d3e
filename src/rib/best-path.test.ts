import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { parseU32 } from '../net/address.ts';
import { parsePrefix, prefixBytes } from '../net/prefix.ts';
import { DEFAULT_BEST_PATH, STEP_NAMES } from './best-path.ts';
import type { BestPathOptions } from './best-path.ts';
import { SOURCE_CLIENT, SOURCE_EXTERNAL, SOURCE_INTERNAL } from './policy.ts';
import type { RoutePolicy, RouteSource } from './policy.ts';
import { Rib } from './rib.ts';

const ACCEPT: RoutePolicy = {
  key: 'accept',
  perPrefix: false,
  apply: (route) => route.set,
  explain: () => ({ accepted: true, why: 'accepted' }),
};

interface Path {
  readonly address: string;
  readonly source?: RouteSource;
  readonly routerId?: string;
  readonly asns?: readonly number[];
  readonly origin?: 'igp' | 'egp' | 'incomplete';
  readonly med?: number;
  readonly localPref?: number;
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  readonly nextHop?: string;
}

const PREFIX = parsePrefix('10.1.0.0/16');

/** A RIB that has the paths of one prefix, received in the order given. */
function ribWith(paths: readonly Path[], options: Partial<BestPathOptions> = {}): Rib {
  const rib = new Rib({ self: { routerId: 1, clusterId: 1 }, bestPath: { ...DEFAULT_BEST_PATH, ...options } });
  for (const path of paths) receive(rib, path);
  rib.decide(100);
  return rib;
}

function receive(rib: Rib, path: Path): void {
  const peer = rib.peers.add({
    address: path.address,
    source: path.source ?? SOURCE_EXTERNAL,
    routerId: parseU32(path.routerId ?? '9.9.9.9'),
    localAs: 64512,
    allowLocalAs: 0,
    importPolicy: ACCEPT,
  });
  const block = encodeAttributes(
    {
      ...PLAIN_ATTRIBUTES,
      origin: path.origin ?? 'igp',
      asPath: [{ type: 'sequence', asns: path.asns ?? [65001] }],
      nextHop: path.nextHop ?? path.address,
      clusterList: path.clusterList ?? [],
      ...(path.med !== undefined && { med: path.med }),
      ...(path.localPref !== undefined && { localPref: path.localPref }),
      ...(path.originatorId !== undefined && { originatorId: path.originatorId }),
    },
    0,
  );
  const set = rib.sets.acquire(block, 0, block.length);
  const nlri = Uint8Array.of(16, ...prefixBytes(0, ...PREFIX.words).subarray(0, 2));
  rib.announce(peer, 0, nlri, 0, nlri.length, set);
  rib.sets.release(set);
}

interface Outcome {
  readonly best: string | undefined;
  readonly multipath: readonly string[];
  /** Step at which each other path lost, by address. */
  readonly lost: Readonly<Record<string, string>>;
}

function outcome(rib: Rib): Outcome {
  const [table] = rib.tables;
  const prefix = table.prefixes.find(...PREFIX.words, PREFIX.length);
  const best = rib.selector.select(table, prefix);
  const addressOf = (row: number): string => rib.peers.info[table.peer[row]]!.address;
  const { candidates, lostAt, count, multipath } = rib.selector;
  const lost: Record<string, string> = {};
  for (let i = 1; i < count; i++) lost[addressOf(candidates[i])] = STEP_NAMES[lostAt[i]];
  return {
    best: best === 0 ? undefined : addressOf(best),
    multipath: [...candidates.subarray(0, multipath)].map(addressOf).sort(),
    lost,
  };
}

const A = '192.0.2.1';
const B = '192.0.2.2';

describe('LOCAL_PREF of two kinds of nodes', () => {
  const node = (address: string, localPref: number): Path => ({ address, source: SOURCE_INTERNAL, localPref });

  it('compares on one scale, and follows the metric of normal routes', () => {
    const encoded = (metric: number) => 2_147_483_647 - metric;
    const rib = ribWith([node('10.0.0.1', 100), node('10.0.0.2', encoded(1024)), node('10.0.0.3', encoded(512))]);
    const used = () => {
      const [table] = rib.tables;
      rib.decide(100);
      rib.selector.select(table, 1);
      const rows = [...rib.selector.candidates.subarray(0, rib.selector.multipath)];
      return rows.map((row) => rib.peers.info[table.peer[row]]!.address);
    };
    expect(used()).toEqual(['10.0.0.3']);
    rib.flush(5, 0);
    expect(used().toSorted()).toEqual(['10.0.0.1', '10.0.0.2']);
    rib.setNormalMetrics([2048, 1024]);
    expect(rib.hasWork).toBe(true);
    expect(used()).toEqual(['10.0.0.2']);
  });
});

describe('best-path selection', () => {
  const cases: readonly [step: string, better: Omit<Path, 'address'>, worse: Omit<Path, 'address'>][] = [
    ['LOCAL_PREF', { localPref: 200, asns: [1, 2, 3] }, { localPref: 100, asns: [1] }],
    ['LOCAL_PREF', { asns: [1, 2] }, { localPref: 99, asns: [1] }],
    ['AS_PATH length', { asns: [1, 2], origin: 'incomplete' }, { asns: [1, 2, 3], origin: 'igp' }],
    ['ORIGIN', { origin: 'igp', med: 50 }, { origin: 'egp', med: 10 }],
    ['ORIGIN', { origin: 'egp' }, { origin: 'incomplete' }],
    ['MED', { med: 10, source: SOURCE_INTERNAL }, { med: 11, source: SOURCE_EXTERNAL }],
    ['MED', {}, { med: 1 }],
    [
      'eBGP over iBGP',
      { source: SOURCE_EXTERNAL, routerId: '9.0.0.0' },
      { source: SOURCE_CLIENT, routerId: '1.0.0.0' },
    ],
    ['router id', { routerId: '1.0.0.0' }, { routerId: '200.0.0.0' }],
    ['router id', { source: SOURCE_CLIENT, originatorId: '1.1.1.1' }, { source: SOURCE_CLIENT, routerId: '2.2.2.2' }],
    [
      'CLUSTER_LIST length',
      { source: SOURCE_CLIENT, originatorId: '5.5.5.5', clusterList: ['7.7.7.7'] },
      { source: SOURCE_CLIENT, originatorId: '5.5.5.5', clusterList: ['7.7.7.7', '8.8.8.8'] },
    ],
  ];

  it.each(cases)('prefers by %s whatever comes after', (step, better, worse) => {
    // The better path comes from the higher address, so that the last tie-break would say otherwise.
    const paths = [
      { ...better, address: B },
      { ...worse, address: A },
    ];
    for (const order of [paths, paths.toReversed()]) {
      const { best, lost } = outcome(ribWith(order));
      expect({ best, lost }).toEqual({ best: B, lost: { [A]: step } });
    }
  });

  it('prefers the lower peer address in the end, IPv4 before IPv6 and by number, not by text', () => {
    const low = { address: '192.0.2.9' };
    const high = { address: '192.0.2.10' };
    expect(outcome(ribWith([high, low])).best).toBe('192.0.2.9');
    expect(outcome(ribWith([{ address: '2001:db8::1' }, high])).best).toBe('192.0.2.10');
  });

  it('compares MED between paths of one neighbouring AS only, unless told to always', () => {
    const paths = [
      { address: A, asns: [65001], med: 100, routerId: '1.0.0.0' },
      { address: B, asns: [65002], med: 5, routerId: '2.0.0.0' },
    ];
    expect(outcome(ribWith(paths)).best).toBe(A);
    expect(outcome(ribWith(paths, { alwaysCompareMed: true })).best).toBe(B);
  });

  it('takes a missing MED as 0, or as the worst if told so', () => {
    const paths = [{ address: A }, { address: B, med: 5 }];
    expect(outcome(ribWith(paths)).best).toBe(A);
    expect(outcome(ribWith(paths, { missingMedWorst: true })).best).toBe(B);
  });

  it('with deterministic MED lets a path with a worse MED neither win nor decide', () => {
    // Pairwise: a beats b (router id), b beats c (router id), c beats a (MED): a circle.
    const a = { address: '192.0.2.1', asns: [65001], med: 10, routerId: '1.0.0.0' };
    const b = { address: '192.0.2.2', asns: [65002], med: 0, routerId: '2.0.0.0' };
    const c = { address: '192.0.2.3', asns: [65001], med: 5, routerId: '3.0.0.0' };
    for (const order of permutations([a, b, c])) expect(outcome(ribWith(order)).best).toBe('192.0.2.2');
    const bests = permutations([a, b, c]).map((order) => outcome(ribWith(order, { deterministicMed: false })).best);
    expect(new Set(bests).size).toBeGreaterThan(1);
  });

  it('keeps the external path selected already when router ids are not compared', () => {
    const rib = ribWith([{ address: B, routerId: '2.0.0.0' }], { compareRouterId: false });
    receive(rib, { address: A, routerId: '1.0.0.0' });
    rib.decide(100);
    expect(outcome(rib)).toMatchObject({ best: B, lost: { [A]: 'already selected' } });
  });

  it('never uses a next hop that is an address of this router', () => {
    const rib = ribWith([
      { address: A, nextHop: '198.51.100.7', localPref: 500 },
      { address: B, nextHop: '198.51.100.8' },
    ]);
    rib.sets.nextHops.setOwnAddresses(new Set(['198.51.100.7']));
    expect(outcome(rib).best).toBe(B);
  });
});

describe('multipath', () => {
  const three = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address, i) => ({ address, asns: [65001 + i, 65100] }));

  it('holds the paths that tie up to the metric, of any neighbouring AS unless told otherwise', () => {
    expect(outcome(ribWith(three)).multipath).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
    expect(outcome(ribWith(three, { multipathRelax: false })).multipath).toEqual(['192.0.2.1']);
    const longer = { address: '192.0.2.4', asns: [1, 2, 3] };
    expect(outcome(ribWith([...three, longer])).multipath).toHaveLength(3);
  });

  it('is limited, and then the same whatever order paths came in', () => {
    for (const order of permutations(three)) {
      expect(outcome(ribWith(order, { maxPaths: 2 })).multipath).toEqual(['192.0.2.1', '192.0.2.2']);
    }
  });

  it('of those with one next hop takes the first where there are more than allowed, as several reflectors tell of all', () => {
    const paths = [
      { address: '192.0.2.1', originatorId: '1.0.0.1', nextHop: '198.51.100.1' },
      { address: '192.0.2.2', originatorId: '1.0.0.1', nextHop: '198.51.100.1' },
      { address: '192.0.2.1', originatorId: '1.0.0.2', nextHop: '198.51.100.2' },
      { address: '192.0.2.2', originatorId: '1.0.0.2', nextHop: '198.51.100.2' },
    ].map((path): Path => ({ ...path, source: SOURCE_INTERNAL }));
    const hopsOf = (maxPaths: number): Set<string> => {
      const rib = ribWith(paths, { maxPaths });
      const { selector, sets, tables } = rib;
      selector.select(tables[0], 1);
      const rows = [...selector.candidates.subarray(0, selector.multipath)];
      return new Set(rows.map((row) => sets.nextHops.address[sets.nextHop[tables[0].accepted[row]]]));
    };
    expect(hopsOf(2)).toEqual(new Set(['198.51.100.1', '198.51.100.2']));
    expect(hopsOf(3)).toEqual(new Set(['198.51.100.1', '198.51.100.2']));
    expect(hopsOf(1)).toEqual(new Set(['198.51.100.1']));
  });
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

describe('insertion order', () => {
  const path = fc.record({
    source: fc.constantFrom<RouteSource>(SOURCE_EXTERNAL, SOURCE_INTERNAL, SOURCE_CLIENT),
    routerId: fc.constantFrom('1.0.0.1', '1.0.0.2'),
    asns: fc.constantFrom([65001], [65002], [65001, 65003]),
    origin: fc.constantFrom('igp' as const, 'egp' as const),
    med: fc.constantFrom(0, 5, 10),
    localPref: fc.constantFrom(100, 200),
    originatorId: fc.constantFrom('3.3.3.3', '4.4.4.4'),
    clusterList: fc.constantFrom<readonly string[]>([], ['7.7.7.7']),
  });

  it('changes neither the best path, nor the multipath, nor where the others lost', () => {
    fc.assert(
      fc.property(fc.array(path, { minLength: 2, maxLength: 5 }), fc.constantFrom(1, 2, 16), (drawn, maxPaths) => {
        const paths = drawn.map((one, i) => ({ ...one, address: `192.0.2.${i + 1}` }));
        const outcomes = permutations(paths)
          .slice(0, 24)
          .map((order) => outcome(ribWith(order, { maxPaths })));
        for (const other of outcomes) expect(other).toEqual(outcomes[0]);
      }),
      { numRuns: 60 },
    );
  });
});
