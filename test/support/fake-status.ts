/** What a healthy daemon says of itself. */
import { toPastTimestamp } from '../../src/api/timestamps.ts';
import type { StatusReport } from '../../src/api/types.ts';

/** The moment at which every fake answer is given. */
export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

export const HEALTHY: StatusReport = {
  node: 'node-1',
  asn: 64512,
  routerId: '10.0.0.1',
  version: '0.1.0',
  started: toPastTimestamp(NOW - 3_600_000, NOW),
  configLoaded: true,
  peers: { total: 2, established: 2, disabled: 0, kept: 0, held: 0 },
  routes: {
    'ipv4-unicast': { received: 12, best: 10, advertised: 4, fib: 9 },
    'ipv6-unicast': { received: 0, best: 0, advertised: 0, fib: 0 },
  },
  services: { total: 0, advertised: 0, ranges: 0, held: 0, withheld: 0 },
  drain: {
    stage: 'serving',
    target: 'serving',
    since: toPastTimestamp(NOW - 3_600_000, NOW),
    nextStageAt: null,
    causes: [],
    words: 'The node serves: nothing asks for a drain.',
  },
  fib: {
    enabled: true,
    inSync: true,
    desired: 9,
    installed: 9,
    failed: 0,
    repaired: 0,
    table: 254,
    ownership: null,
    lastError: null,
  },
  datastore: {
    type: 'file',
    state: 'synced',
    since: toPastTimestamp(NOW - 3_599_000, NOW),
    lastError: null,
    cacheWritten: null,
    lagSeconds: null,
    sources: [
      {
        name: '/etc/starling/resources',
        state: 'synced',
        since: toPastTimestamp(NOW - 3_599_000, NOW),
        connectedSince: null,
        revision: null,
        errors: 0,
        reconnects: 0,
        lastError: null,
        lagSeconds: null,
      },
    ],
  },
  problems: [],
};
