import { describe, expect, it } from 'vitest';
import { NODE_2, TOR_A } from '../../../test/support/fake-peers.ts';
import { EXPLANATION, route } from '../../../test/support/fake-routes.ts';
import { HEALTHY } from '../../../test/support/fake-status.ts';
import { serviceAddress } from '../../../test/support/fake-services.ts';
import type { StatusReport } from '../../api/types.ts';
import { formatTable } from '../output/table.ts';
import { formatDuration } from '../output/words.ts';
import { renderExplanation } from './explanation-view.ts';
import { nodeStatus, renderNodeStatus } from './node-status-view.ts';
import { renderPeer } from './peer-view.ts';
import { renderStatus } from './status-view.ts';
import { renderValidation } from './validation-view.ts';

const PLAIN = { wide: false, headers: true, colour: false };
const AT = { time: '2026-01-02T03:00:00.000Z', epochSeconds: 0, agoSeconds: 125 };

describe('status', () => {
  it('says in words what is wrong', () => {
    const status: StatusReport = {
      ...HEALTHY,
      peers: { total: 3, established: 1, disabled: 1, kept: 0, held: 0 },
      fib: {
        enabled: true,
        inSync: false,
        desired: 9,
        installed: 8,
        failed: 1,
        repaired: 3,
        table: 100,
        ownership: 'pool a (VXLAN): Felix; the rest: starlingd',
        lastError: { words: 'no route', at: AT },
      },
      datastore: { ...HEALTHY.datastore, state: 'cached', lastError: { words: 'connection refused', at: AT } },
      problems: ['peer 10.0.0.2 has not been established for 5m: connection refused', '1 route is not in the kernel'],
    };
    expect(renderStatus(status, PLAIN)).toBe(`node-1  AS 64512, router id 10.0.0.1
starlingd 0.1.0, up 1h00m (since 2026-01-02T02:04:05.000Z)

Peers      1 of 3 established, 1 disabled
Routes     ipv4-unicast: 12 received, 10 best, 4 advertised, 9 in the kernel
           ipv6-unicast: 0 received, 0 best, 0 advertised, 0 in the kernel
Kernel     not in sync, 8 of 9 routes in table 100, 1 refused, 3 repaired; 2m05s ago: no route
           pool a (VXLAN): Felix; the rest: starlingd
Datastore  file, away, the last known state is served for 59m59s; 2m05s ago: connection refused

What is wrong:
  - peer 10.0.0.2 has not been established for 5m: connection refused
  - 1 route is not in the kernel
`);
  });

  it('counts what is advertised for services, and what is not as they ask', () => {
    const line = (services: Partial<StatusReport['services']>): string | undefined =>
      /^Services +(.*)$/m.exec(
        renderStatus({ ...HEALTHY, services: { ...HEALTHY.services, ...services } }, PLAIN),
      )?.[1];
    expect(line({})).toBeUndefined();
    expect(line({ total: 1, advertised: 1 })).toBe('1 known, 1 route advertised');
    expect(line({ total: 3, advertised: 12, ranges: 2, held: 5, withheld: 1 })).toBe(
      '3 known, 12 routes advertised (2 ranges), 5 of them told on though no longer wanted, 1 withheld',
    );
  });

  it('says once that a server is away, which it then is for every source', () => {
    const lastError = { words: 'connection refused', at: AT };
    const [source] = HEALTHY.datastore.sources;
    const sources = ['nodes/', 'ippools/'].map((name) => ({ ...source, name, state: 'away' as const, lastError }));
    const datastore = { ...HEALTHY.datastore, state: 'cached' as const, lastError, sources };
    expect(renderStatus({ ...HEALTHY, datastore }, PLAIN)).not.toContain('nodes/');
  });

  it('names the sources of the datastore that are not fine, and says how old what is served from disk is', () => {
    const [source] = HEALTHY.datastore.sources;
    const lastError = { words: 'connection refused', at: AT };
    const text = renderStatus(
      {
        ...HEALTHY,
        datastore: {
          ...HEALTHY.datastore,
          type: 'etcd',
          state: 'cached',
          cacheWritten: AT,
          lastError,
          sources: [
            source,
            { ...source, name: 'nodes/', state: 'away', lastError },
            { ...source, name: 'ippools/', lagSeconds: 90 },
          ],
        },
      },
      PLAIN,
    );
    expect(text).toContain(`
Datastore  etcd, the last known state is served from disk for 59m59s, written 2m05s ago; 2m05s ago: connection refused
           nodes/: away for 59m59s; 2m05s ago: connection refused
           ippools/: synced for 59m59s, 1m30s behind
`);
  });
});

describe('peer', () => {
  it('says why it exists, how it is secured, what applies to it, and what went wrong', () => {
    const text = renderPeer(TOR_A, PLAIN);
    for (const line of [
      'State              Established for 1d02h (since 2026-01-01T01:01:01.000Z)',
      'Why it exists      BGPPeer tor-a selects all nodes (global peer)',
      'Connection         10.0.0.1:40000 to 10.0.0.254:179',
      'Timers             hold 90 s, keepalive 30 s (configured: hold 90 s, keepalive 30 s), connect retry 120 s',
      'Security           TCP MD5; GTSM, at most 1 hop',
      'Export             BGPFilter no-default, then the Calico default rules',
      'NOTIFICATION sent  1d02h ago: Hold Timer Expired (4/0)',
    ]) {
      expect(text).toContain(`  ${line}\n`);
    }
  });
});

describe('explanation', () => {
  it('begins with all next hops that share the traffic', () => {
    const [best] = EXPLANATION.candidates;
    const other = { ...best, outcome: 'multipath' as const, route: { ...best.route, nextHop: '10.0.0.253' } };
    const text = renderExplanation({ ...EXPLANATION, candidates: [best, other] }, PLAIN);
    expect(text).toMatch(
      /^10\.1\.2\.3 is covered by 10\.1\.2\.0\/26, which goes via 10\.0\.0\.254, 10\.0\.0\.253, which share/,
    );
  });

  it('reads like an answer', () => {
    expect(renderExplanation(EXPLANATION, PLAIN)).toBe(`10.1.2.3 is covered by 10.1.2.0/26, which goes via 10.0.0.254.

Paths, best first
  best, from 10.0.0.254, next hop 10.0.0.254
      AS path 64601 64512, local preference 200, origin igp
      it is the best path
  lost, from 10.0.0.253, next hop 10.0.0.253
      AS path 64601, local preference 100, origin igp
      local preference: its local preference 100 is lower than 200

Advertised to
  fe80::2%eth0 (node-2)  yes  accepted by the Calico default rules
  10.0.0.254 (tor-a)     no   it was learned from this peer

In the kernel
  installed: via 10.0.0.254
  10.0.0.254: directly connected on eth0
  programmed as it is: in no pool
`);
  });

  it('says which services have the address, and what becomes of it', () => {
    const words = 'It waits for a ready IPv4 endpoint on this node.';
    const waiting = serviceAddress('203.0.113.7', { state: 'waiting', prefix: null, words });
    const none = { query: '203.0.113.7/32', match: null, candidates: [], fib: null };
    const services = [{ ...waiting, namespace: 'shop', name: 'api' }];
    expect(renderExplanation({ ...EXPLANATION, ...none, services }, PLAIN)).toBe(`There is no route to 203.0.113.7.

Services with this address
  shop/api  LoadBalancerIP  not advertised: waiting for an endpoint
      It waits for a ready IPv4 endpoint on this node.
`);
  });

  it('shows what the kernel lacks, and a prefix without a usable path', () => {
    const fib = {
      wanted: ['10.0.0.254', '10.0.1.254'],
      installed: ['10.0.0.254'],
      words: 'the kernel has other next hops',
      notes: ['10.0.1.254: no route to it'],
      programming: null,
    };
    expect(renderExplanation({ ...EXPLANATION, fib }, PLAIN)).toContain(
      '  the kernel has other next hops\n  wanted:    10.0.0.254, 10.0.1.254\n  installed: 10.0.0.254\n' +
        '  10.0.1.254: no route to it\n',
    );
    const words = 'its next hop 10.7.7.7 has no route';
    const candidate = {
      route: route('10.0.0.0/8'),
      peer: '10.0.0.254',
      outcome: 'ineligible',
      step: null,
      words,
    } as const;
    const unusable = { ...EXPLANATION, query: '10.0.0.0/8', match: '10.0.0.0/8', candidates: [candidate], fib: null };
    expect(renderExplanation(unusable, PLAIN)).toMatch(/^10\.0\.0\.0\/8 has no usable path\.\n/);
  });
});

describe('validation', () => {
  it('has a line a problem, with its place, and a sum', () => {
    const problems = [
      { where: 'a.yaml:3:5', severity: 'error', message: 'BGPPeer "tor-a": spec.peerIP: must be an address' },
      { where: 'b.yaml', severity: 'warning', message: 'ignored kind: Pod' },
    ] as const;
    expect(renderValidation({ checked: ['/etc/x'], resources: 4, problems: [...problems], valid: false }, PLAIN)).toBe(
      'a.yaml:3:5: error: BGPPeer "tor-a": spec.peerIP: must be an address\n' +
        'b.yaml: warning: ignored kind: Pod\n' +
        '/etc/x: not valid, 4 resources, 1 error, 1 warning\n',
    );
  });
});

describe('tables', () => {
  it('stand in columns, numbers to the right, colours aside', () => {
    const columns = [{ title: 'A' }, { title: 'NUMBER', right: true }, { title: 'C' }] as const;
    const rows = [
      [{ text: 'first', colour: 'green' as const }, 7, ''],
      ['x', 123_456_789, 'last'],
    ];
    expect(formatTable(columns, rows, PLAIN)).toBe('A         NUMBER  C\nfirst          7\nx      123456789  last\n');
    const coloured = formatTable(columns, rows, { ...PLAIN, headers: false, colour: true });
    expect(coloured).toBe('\u001B[32mfirst\u001B[39m          7\nx      123456789  last\n');
    expect(formatTable(columns, [], PLAIN)).toBe('');
  });

  it.each([
    [0.4, '0s'],
    [59, '59s'],
    [342, '5m42s'],
    [11_100, '3h05m'],
    [1_051_200, '12d04h'],
  ])('%d seconds are %s', (seconds, words) => expect(formatDuration(seconds)).toBe(words));
});

describe('the status of the node', () => {
  it('has a table for each family, as calicoctl has', () => {
    const six = { ...NODE_2, address: 'fd00::2', admin: 'down' as const };
    expect(renderNodeStatus(nodeStatus(HEALTHY, [TOR_A, NODE_2, six]), PLAIN)).toBe(`\
starlingd 0.1.0 is running on node-1, AS 64512, router id 10.0.0.1.

IPv4 BGP status
PEER ADDRESS  PEER TYPE  STATE  SINCE                     INFO
10.0.0.254    global     up     2026-01-01T01:01:01.000Z  Established

IPv6 BGP status
PEER ADDRESS  PEER TYPE          STATE  SINCE                     INFO
fe80::2%eth0  node-to-node mesh  start  2026-01-02T03:03:23.000Z  Active: connection refused
fd00::2       node-to-node mesh  down   2026-01-02T03:03:23.000Z  Active (disabled): connection refused
`);
    const wide = renderNodeStatus(nodeStatus(HEALTHY, [TOR_A]), { ...PLAIN, wide: true });
    expect(wide).toMatch(/^10\.0\.0\.254 .* {2}tor-a +64601 {2}Established$/m);
    expect(wide).toMatch(/^IPv6 BGP status\nNo IPv6 peers\.$/m);
  });
});
