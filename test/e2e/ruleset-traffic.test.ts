/** What rendered tables do with packets around policies: dispatch, sources, the host itself, HostEndpoints, translation. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Packet } from '../../src/policy/decide.ts';
import type { LocalHost, ModelChanges } from '../../src/policy/model.ts';
import { RulesetRenderer } from '../../src/ruleset/ruleset-renderer.ts';
import { OUTSIDE, PacketScene } from '../support/packet-scene.ts';
import type { Arrival } from '../support/packet-scene.ts';
import { changes, policyOf, prefixes, ruleOf, rulesOf, settingsOf, workloadAt } from '../support/ruleset-model.ts';
import { requireOrSkip } from '../support/skip.ts';
import { TableRecord } from '../support/table-record.ts';

beforeEach((ctx) => requireOrSkip(ctx, { root: true, programs: ['bash', 'ip', 'nft', 'sysctl'] }));

/** Writes down the destination ports (of ICMP, type and code) of packets that come past places. */
const WITNESS = `
add table inet witness
delete table inet witness
add table inet witness
add set inet witness routed { type inet_service; flags dynamic; size 1000; }
add set inet witness input { type inet_service; flags dynamic; size 1000; }
add set inet witness output { type inet_service; flags dynamic; size 1000; }
add chain inet witness routed { type filter hook prerouting priority -250; policy accept; }
add rule inet witness routed meta l4proto 17 add @routed { th dport }
add rule inet witness routed meta l4proto 58 add @routed { th sport }
add chain inet witness input { type filter hook input priority 200; policy accept; }
add rule inet witness input meta l4proto 17 add @input { th dport }
add rule inet witness input meta l4proto 58 add @input { th sport }
add chain inet witness output { type filter hook output priority 200; policy accept; }
add rule inet witness output meta l4proto 17 add @output { th dport }
`;

const NEIGHBOUR_SOLICITATION = 135;

/** A router with a table that comes of changes to a model. */
class Scene implements Disposable {
  readonly packets = new PacketScene();
  private readonly table = new TableRecord();
  private readonly renderer = new RulesetRenderer(this.table);

  constructor(...models: readonly ModelChanges[]) {
    for (const model of [OPEN, ...models]) this.renderer.apply(model);
    this.load();
  }

  apply(model: ModelChanges): void {
    this.renderer.apply(model);
    this.load();
  }

  /** Which of these UDP packets, each the first of a connection, come out of the router. */
  async forwards(...arrivals: readonly Arrival[]): Promise<boolean[]> {
    const passed = await this.packets.send(arrivals, new Set(arrivals.keys()), 50);
    return arrivals.map(({ packet }, index) => protocolOf(passed.get(index)) === packet.protocol);
  }

  /** Destination ports that came past a place, see {@link WITNESS}; of ICMP type and code. */
  seen(place: 'routed' | 'input' | 'output'): number[] {
    const listed = this.packets.ask('nft', '-n', 'list', 'set', 'inet', 'witness', place);
    const [, elements = ''] = /elements = \{([^}]*)\}/.exec(listed) ?? [];
    return elements.split(',').filter(Boolean).map(Number);
  }

  /** Has the router itself send a UDP packet. */
  sendFromRouter(address: string, port: number): void {
    this.packets.ask('bash', '-c', `echo > /dev/udp/${address}/${port}`);
  }

  [Symbol.dispose](): void {
    this.packets[Symbol.dispose]();
  }

  private load(): void {
    expect(this.table.dangling()).toEqual([]);
    this.packets.nft(WITNESS + this.table.script('starling_policy'));
  }
}

/** What is refused comes back in an ICMP packet. */
function protocolOf(frame: Buffer | undefined): number | undefined {
  return frame?.[frame[12] === 0x08 ? 23 : 20];
}

/** Workloads at cali0 to cali2 of which nothing is denied, and one at none of them. */
const OPEN = changes({
  settings: settingsOf({ endpointToHost: 'Accept' }),
  profiles: [{ name: 'all', ingress: [{}], egress: [{}] }],
  rules: [
    rulesOf({ id: 'i', direction: 'ingress', profiles: ['all'] }),
    rulesOf({ id: 'e', direction: 'egress', profiles: ['all'] }),
    rulesOf({ id: 'closed-i', direction: 'ingress' }),
    rulesOf({ id: 'closed-e', direction: 'egress' }),
  ],
  workloads: ['cali0', 'cali1', 'cali2'].map((name) => workloadAt(name, {})),
});

function udp(link: number, source: string, destination: string, ports: Partial<Packet> = {}): Arrival {
  const version = source.includes(':') ? 6 : 4;
  const packet = {
    version,
    source,
    destination,
    protocol: 17,
    sourcePort: 4000,
    destinationPort: 5000,
    ...ports,
  } as const;
  return { link, packet };
}

function icmp6(link: number, source: string, destination: string, type: number): Arrival {
  return { link, packet: { version: 6, source, destination, protocol: 58, icmp: { type, code: 0 } } };
}

/** A HostEndpoint at the link to everything else, or wherever said. */
function hostAt(rules: LocalHost['rules'], interfaceName = 'up0'): LocalHost {
  return { endpoint: 'HostEndpoint up', interfaceName, rules };
}

describe('workloads', () => {
  it('that are not known, or down, send and get nothing; what answers still passes', async () => {
    using scene = new Scene(
      changes({
        rules: [rulesOf({ id: 'down', direction: 'ingress', up: false, profiles: ['all'] })],
        workloads: [workloadAt('cali1', { ingress: 'closed-i' }), workloadAt('cali2', { ingress: 'down' })],
      }),
    );
    const out = udp(1, '10.65.1.1', '203.0.113.9');
    const answer = udp(OUTSIDE, '203.0.113.9', '10.65.1.1', { sourcePort: 5000, destinationPort: 4000 });
    expect(
      await scene.forwards(
        udp(0, '10.65.0.1', '10.65.1.1'),
        udp(0, '10.65.0.1', '10.65.2.1'),
        udp(0, '10.65.0.1', '10.65.3.1'),
        udp(3, '10.65.3.1', '10.65.0.1'),
        udp(OUTSIDE, '203.0.113.9', '10.65.1.1', { sourcePort: 5001 }),
        out,
        answer,
      ),
    ).toEqual([false, false, false, false, false, true, true]);
    scene.apply(changes({ workloads: [workloadAt('cali1', { ingress: 'closed-i', egress: 'closed-e' })] }));
    expect(await scene.forwards(out, answer, udp(1, '10.65.1.1', '203.0.113.8'))).toEqual([true, true, false]);
    scene.apply(changes({ workloads: [['cali1', undefined]] }));
    expect(await scene.forwards(out, answer)).toEqual([false, false]);
  });

  it('use their own addresses, those that they may, and IPv6 before they have one', async () => {
    using scene = new Scene(
      changes({
        settings: settingsOf({
          endpointToHost: 'Accept',
          openstack: { metadataAddress: '169.254.169.254', metadataPort: 8775 },
        }),
        workloads: [workloadAt('cali1', { spoofable: ['192.0.2.0/24', 'fd00:9::/64'] })],
      }),
    );
    expect(
      await scene.forwards(
        udp(0, '10.65.0.1', '203.0.113.9'),
        udp(0, '10.65.1.1', '203.0.113.9'),
        udp(0, '192.0.2.1', '203.0.113.9'),
        udp(1, '192.0.2.1', '203.0.113.9'),
        udp(1, '198.51.100.1', '203.0.113.9'),
        udp(0, 'fd00:65:a0::1', '2001:db8::1'),
        udp(0, 'fd00:9::1', '2001:db8::1'),
        udp(1, 'fd00:9::1', '2001:db8::1'),
      ),
    ).toEqual([true, false, false, true, false, true, false, true]);
    await scene.forwards(
      udp(0, '0.0.0.0', '255.255.255.255', { sourcePort: 68, destinationPort: 67 }),
      udp(0, '0.0.0.0', '10.65.1.1', { destinationPort: 7001 }),
      icmp6(0, '::', 'ff02::1', NEIGHBOUR_SOLICITATION),
      icmp6(0, 'fe80::2', 'ff02::1', 133),
      udp(0, 'fe80::2', 'ff02::1', { destinationPort: 7002 }),
      udp(0, '::', 'ff02::1', { destinationPort: 7003 }),
    );
    expect(scene.seen('routed')).toEqual(expect.arrayContaining([67, 135 << 8, 133 << 8, 7002]));
    expect(scene.seen('routed')).not.toEqual(expect.arrayContaining([7001]));
    expect(scene.seen('routed')).not.toEqual(expect.arrayContaining([7003]));
  });

  it('send no packets in packets', async () => {
    using scene = new Scene();
    const vxlan = udp(0, '10.65.0.1', '203.0.113.9', { destinationPort: 4789 });
    const ipip = udp(0, '10.65.0.1', '203.0.113.9', { protocol: 4 });
    expect(await scene.forwards(vxlan, ipip)).toEqual([false, false]);
    scene.apply(changes({ settings: settingsOf({ vxlanPort: undefined, dropIpip: false }) }));
    expect(await scene.forwards(vxlan, ipip)).toEqual([true, true]);
  });

  it.each([
    ['Drop' as const, []],
    ['Accept' as const, [6000]],
    ['Return' as const, [6000]],
  ])('reach the host itself as policies and %s say', async (endpointToHost, reached) => {
    using scene = new Scene(
      changes({
        settings: settingsOf({
          endpointToHost,
          openstack: { metadataAddress: '169.254.0.1', metadataPort: 8775 },
        }),
        workloads: [workloadAt('cali1', { egress: 'closed-e' })],
      }),
    );
    const host = (port: number) => ({ destinationPort: port });
    await scene.forwards(
      udp(0, '10.65.0.1', '169.254.0.1', host(6000)),
      udp(1, '10.65.1.1', '169.254.1.1', host(6001)),
      udp(3, '10.65.3.1', '169.254.3.1', host(6002)),
      udp(1, '10.65.1.1', '169.254.1.1', host(53)),
      icmp6(1, 'fe80::2', 'ff02::1', NEIGHBOUR_SOLICITATION),
    );
    expect(scene.seen('input').toSorted((a, b) => a - b)).toEqual([53, ...reached, 135 << 8]);
  });
});

describe('HostEndpoints', () => {
  const failsafes = {
    ingress: [{ protocol: 17, port: 68 }, ...prefixes('192.0.2.0/24').map((net) => ({ protocol: 17, port: 69, net }))],
    egress: [{ protocol: 17, port: 53 }],
  };
  const CLOSED = changes({
    settings: settingsOf({ failsafes }),
    rules: [
      rulesOf({ id: 'hi', layer: 'host', direction: 'ingress' }),
      rulesOf({ id: 'he', layer: 'host', direction: 'egress' }),
    ],
  });
  const host = { ingress: 'hi', egress: 'he' };

  it.each(['up0', '*'])(
    'at %s close the host but for failsafes, and not what it forwards, or sends to workloads',
    async (name) => {
      using scene = new Scene(CLOSED, changes({ hosts: [hostAt({ host }, name)] }));
      const to = (port: number) => ({ destinationPort: port });
      const from = '203.0.113.9';
      await scene.forwards(
        udp(OUTSIDE, from, '169.254.4.1', to(6000)),
        udp(OUTSIDE, from, '169.254.4.1', to(68)),
        udp(OUTSIDE, from, '169.254.4.1', to(69)),
        icmp6(OUTSIDE, 'fe80::2', 'ff02::1', NEIGHBOUR_SOLICITATION),
      );
      expect(scene.seen('input').toSorted((a, b) => a - b)).toEqual([68, 135 << 8]);
      await scene.forwards(udp(OUTSIDE, '192.0.2.1', '169.254.4.1', to(69)));
      expect(scene.seen('input')).toContain(69);
      expect(await scene.forwards(udp(OUTSIDE, from, '10.65.0.1', to(6000)))).toEqual([true]);
      scene.sendFromRouter('203.0.113.9', 53);
      scene.sendFromRouter('10.65.0.1', 6001);
      expect(() => scene.sendFromRouter('203.0.113.9', 6002)).toThrow('not permitted');
      scene.sendFromRouter('127.0.0.1', 6003);
      expect(scene.seen('output').toSorted((a, b) => a - b)).toEqual([53, 6001, 6003]);
      expect(scene.seen('input')).toContain(6003);
    },
  );

  it('of their own stand for themselves beside one for all others', async () => {
    using scene = new Scene(
      CLOSED,
      changes({
        rules: [rulesOf({ id: 'open', layer: 'host', direction: 'ingress', profiles: ['all'] })],
        hosts: [hostAt({ host }, '*'), hostAt({ host: { ingress: 'open' } })],
      }),
    );
    const in_ = udp(OUTSIDE, '203.0.113.9', '169.254.4.1', { destinationPort: 6000 });
    await scene.forwards(in_);
    scene.sendFromRouter('203.0.113.9', 6001);
    expect([scene.seen('input'), scene.seen('output')]).toEqual([[6000], [6001]]);
  });

  it('judge what is forwarded where policies ask for it', async () => {
    const some = policyOf({
      name: 'some',
      scope: 'forward',
      ingress: [{ protocol: 17, destination: { ports: { ranges: [[80, 80]], sets: [] } } }],
    });
    using scene = new Scene(
      CLOSED,
      changes({
        policies: [some],
        rules: [rulesOf({ id: 'fi', layer: 'forward', direction: 'ingress', tiers: [[some]] })],
        hosts: [hostAt({ host, forward: { ingress: 'fi' } })],
      }),
    );
    const to = (port: number) => udp(OUTSIDE, '203.0.113.9', '10.65.0.1', { destinationPort: port });
    expect(await scene.forwards(to(80), to(81), udp(0, '10.65.0.1', '203.0.113.9'))).toEqual([true, false, true]);
  });

  it('judge before connection tracking, and before translation, and leave the rest', async () => {
    const port = (number: number) => ({
      destination: { ports: { ranges: [[number, number] as const], sets: [] } },
      protocol: 17,
    });
    const raw = policyOf({
      name: 'raw',
      scope: 'untracked',
      ingress: [port(6000), { ...port(6001), action: 'Deny' }],
      egress: [port(6000)],
    });
    const early = policyOf({ name: 'early', scope: 'preDNAT', ingress: [{ ...port(6002), action: 'Deny' }] });
    using scene = new Scene(
      CLOSED,
      changes({
        policies: [raw, early],
        rules: [
          rulesOf({ id: 'open', layer: 'host', direction: 'ingress', profiles: ['all'] }),
          rulesOf({ id: 'ui', layer: 'untracked', direction: 'ingress', tiers: [[raw]] }),
          rulesOf({ id: 'ue', layer: 'untracked', direction: 'egress', tiers: [[raw]] }),
          rulesOf({ id: 'p', layer: 'preDNAT', direction: 'ingress', tiers: [[early]] }),
        ],
        hosts: [hostAt({ host, untracked: { ingress: 'ui', egress: 'ue' }, preDNAT: { ingress: 'p' } })],
      }),
    );
    const to = (number: number) => udp(OUTSIDE, '203.0.113.9', '169.254.4.1', { destinationPort: number });
    await scene.forwards(to(6000), to(6001), to(68));
    // What was let past connection tracking is not judged as a new connection would be.
    expect(scene.seen('input').toSorted((a, b) => a - b)).toEqual([68, 6000]);
    scene.sendFromRouter('203.0.113.9', 6000);
    expect(scene.seen('output')).toEqual([6000]);
    scene.apply(changes({ hosts: [hostAt({ host: { ingress: 'open', egress: 'he' }, preDNAT: { ingress: 'p' } })] }));
    await scene.forwards(to(6002), to(6003));
    expect(scene.seen('input')).toEqual([6003]);
    expect(await scene.forwards(udp(OUTSIDE, '203.0.113.9', '10.65.0.1', { destinationPort: 6002 }))).toEqual([false]);
  });
});

describe('other destinations', () => {
  it('see an address of the node in place of a pool of which that is asked', async () => {
    using scene = new Scene(
      changes({
        settings: settingsOf({
          masquerade: {
            sources: prefixes('10.65.0.0/24', 'fd00:65:a0::/48'),
            pools: prefixes('10.65.0.0/16', 'fd00:65::/32'),
          },
        }),
      }),
    );
    scene.packets.ask('ip', 'address', 'add', '2001:db8:ffff::1/128', 'dev', 'up0', 'nodad');
    const arrivals = [
      udp(0, '10.65.0.1', '203.0.113.9'),
      udp(0, '10.65.0.1', '10.65.1.1'),
      udp(1, '10.65.1.1', '203.0.113.9'),
      udp(0, 'fd00:65:a0::1', '2001:db8::1'),
      udp(0, 'fd00:65:a0::1', 'fd00:65:a1::1'),
    ];
    const passed = await scene.packets.send(arrivals, new Set(arrivals.keys()));
    const sources = arrivals.map(({ packet }, index) =>
      packet.version === 4
        ? passed.get(index)?.subarray(26, 30).join('.')
        : passed.get(index)?.subarray(22, 38).toString('hex'),
    );
    const v6 = (text: string) => text.padEnd(31, '0').concat('1');
    expect(sources).toEqual(['169.254.4.1', '10.65.0.1', '10.65.1.1', v6('20010db8ffff'), v6('fd00006500a0')]);
  });

  it.each(['Drop' as const, 'Reject' as const])('that nobody serves get nothing: %s', async (action) => {
    const loops = { action, ranges: prefixes('203.0.113.0/24', '2001:db8:9::/48') };
    using scene = new Scene(changes({ settings: settingsOf({ loops }) }));
    const from = (version: 4 | 6) => (version === 4 ? '10.65.0.1' : 'fd00:65:a0::1');
    expect(
      await scene.forwards(
        udp(0, from(4), '203.0.113.9'),
        udp(0, from(6), '2001:db8:9::9'),
        udp(0, from(4), '192.0.2.1'),
        udp(0, from(6), '2001:db8::1'),
      ),
    ).toEqual([false, false, true, true]);
  });
});

it('names of any kind are harmless in the table', () => {
  const name = 'a"; $x {\n} drop \\ \u{1f600}\'#'.repeat(9);
  const odd = policyOf({ name, namespace: name, tier: name, ingress: [{ action: 'Log' }, { action: 'Deny' }] });
  using scene = new Scene(
    changes({
      settings: settingsOf({ logPrefix: name }),
      policies: [odd],
      profiles: [{ name, ingress: [ruleOf({ action: 'Log' })], egress: [] }],
      rules: [
        {
          ...rulesOf({ id: 'odd', tiers: [[odd]], profiles: [name, `${name}2`] }),
          tiers: [{ name, defaultAction: 'Pass', policies: [odd.key, name] }],
        },
      ],
      workloads: [workloadAt('cali0', { ingress: 'odd' })],
    }),
  );
  expect(scene.packets.ask('nft', 'list', 'tables')).toBe('table inet witness\ntable inet starling_policy\n');
});
