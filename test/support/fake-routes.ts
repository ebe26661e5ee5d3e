/** A handful of routes as the API tells of them, those in the kernel among them. */
import type { FibEntry, RouteEntry, RouteExplanation } from '../../src/api/route-types.ts';

export function route(prefix: string, more: Partial<RouteEntry> = {}): RouteEntry {
  return {
    prefix,
    family: prefix.includes(':') ? 'ipv6-unicast' : 'ipv4-unicast',
    nextHop: '10.0.0.254',
    asPath: '64601',
    origin: 'igp',
    peer: '10.0.0.254',
    source: 'external',
    best: true,
    multipath: false,
    ...more,
  };
}

export const ROUTES: readonly RouteEntry[] = [
  route('0.0.0.0/0', { med: 5, communities: ['64601:100', 'no-export'] }),
  route('10.1.0.0/16'),
  route('10.1.2.0/26', { asPath: '64601 64512', localPref: 200 }),
  route('192.168.7.0/26', { nextHop: null, asPath: '', peer: null, source: 'local' }),
  route('2001:db8::/32'),
];

export const EXPLANATION: RouteExplanation = {
  query: '10.1.2.3/32',
  match: '10.1.2.0/26',
  candidates: [
    { route: ROUTES[2], peer: '10.0.0.254', outcome: 'best', step: null, words: 'it is the best path' },
    {
      route: route('10.1.2.0/26', { nextHop: '10.0.0.253', peer: '10.0.0.253', localPref: 100, best: false }),
      peer: '10.0.0.253',
      outcome: 'lost',
      step: 'local preference',
      words: 'its local preference 100 is lower than 200',
    },
  ],
  advertisedTo: [
    { peer: 'fe80::2%eth0', name: 'node-2', advertised: true, why: 'accepted by the Calico default rules' },
    { peer: '10.0.0.254', name: 'tor-a', advertised: false, why: 'it was learned from this peer' },
  ],
  services: [],
  fib: {
    wanted: ['10.0.0.254'],
    installed: ['10.0.0.254'],
    words: 'installed',
    notes: ['10.0.0.254: directly connected on eth0'],
    programming: 'programmed as it is: in no pool',
  },
};

export const WHY: FibEntry['why'] = {
  paths: [{ peer: '10.0.0.254', nextHop: '10.0.0.254', words: 'best: it is the only path' }],
  programming: 'programmed as it is: in no pool',
};

export const FIB: readonly FibEntry[] = [
  {
    prefix: '10.1.0.0/16',
    family: 'ipv4-unicast',
    nextHops: [
      { address: '10.0.0.254', interface: 'eth0', weight: 1 },
      { address: '10.0.1.254', interface: 'eth1', weight: 1 },
    ],
    state: 'installed',
    wanted: ['10.0.0.254 dev eth0 weight 1', '10.0.1.254 dev eth1 weight 1'],
    installed: ['10.0.0.254 dev eth0 weight 1', '10.0.1.254 dev eth1 weight 1'],
    difference: null,
    error: null,
    retrySeconds: null,
    notes: ['10.0.0.254: directly connected on eth0', '10.0.1.254: directly connected on eth1'],
  },
  {
    prefix: '10.1.2.0/26',
    family: 'ipv4-unicast',
    nextHops: [{ address: '10.0.0.254', interface: 'eth0', weight: 1 }],
    state: 'failed',
    wanted: ['10.0.0.254 dev eth0 weight 1'],
    installed: [],
    difference: 'failed',
    error: 'network is unreachable',
    retrySeconds: 7.5,
    notes: ['10.0.0.254: directly connected on eth0'],
  },
];
