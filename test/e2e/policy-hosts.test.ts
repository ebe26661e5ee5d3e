/** Packets from and to processes of the node itself, with and without HostEndpoints. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Probe } from '../support/policy-prober.ts';
import { missingHere } from '../support/skip.ts';
import { POLICY_NEEDS, UPLINK, pod } from './policy-network.ts';
import { NODE, calico, namespaceManifest, podManifest } from './policy-resources.ts';
import { PolicyScene } from './policy-scene.ts';

const missing = missingHere(POLICY_NEEDS);

const A = pod('x/a', 2);
const B = pod('x/b', 3);
const BASE = [namespaceManifest('x'), podManifest(A), podManifest(B)];

const felix = (spec: object) => calico('FelixConfiguration', 'default', spec);
const host = (name: string, spec: object, labels: object = {}) =>
  calico('HostEndpoint', name, { node: NODE, ...spec }, { labels });
const named = (labels: object = {}) => host('uplink', { interfaceName: UPLINK.device }, labels);
const policy = (name: string, spec: object) =>
  calico('GlobalNetworkPolicy', name, { selector: 'has(uplink)', ...spec });
const CLOSED_PODS = calico('NetworkPolicy', 'x/closed', { types: ['Ingress', 'Egress'] });

/** As kube-proxy would have it. */
const NODE_PORTS = `table ip node_ports {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 30080 dnat to ${A.addresses[0]}:80
		tcp dport 30081 dnat to ${A.addresses[0]}:81
	}
}
`;

let scene: PolicyScene;

beforeAll(async () => {
  if (missing === undefined) scene = await PolicyScene.start([A, B], BASE);
});

afterAll(() => scene?.[Symbol.asyncDispose]());

beforeEach(async (ctx) => {
  if (missing !== undefined) ctx.skip(missing);
  else await scene.replace(BASE);
});

const wrong = (...probes: readonly Probe[]) => scene.network.prober.wrong(probes);

/** Probes in both families. */
function tried(from: string, to: string, passes: boolean, ...ports: readonly string[]): Probe[] {
  return ports.flatMap((text) => {
    const [protocol, port] = text.split('/') as ['tcp' | 'udp', string];
    return ([4, 6] as const).map((version) => ({ from, to, protocol, port: Number(port), version, passes }));
  });
}

describe('workloads and their host', () => {
  it('reach it where the action for that is Accept or Return, and only as their egress policies say', async () => {
    expect(await wrong(...tried(A.name, 'node', false, 'tcp/80', 'udp/80'))).toEqual([]);
    for (const defaultEndpointToHostAction of ['Accept', 'Return']) {
      await scene.put(felix({ defaultEndpointToHostAction }));
      expect(await wrong(...tried(A.name, 'node', true, 'tcp/80', 'udp/80'))).toEqual([]);
    }
    const egress = [{ action: 'Allow', protocol: 'TCP', destination: { nets: [...UPLINK.node], ports: [81] } }];
    await scene.put(calico('NetworkPolicy', 'x/some', { types: ['Egress'], egress }));
    expect(
      await wrong(...tried(A.name, 'node', true, 'tcp/81'), ...tried(A.name, 'node', false, 'tcp/80', 'udp/81')),
    ).toEqual([]);
  });

  it('are reached by it whatever policies say, and answer', async () => {
    await scene.put(CLOSED_PODS);
    expect(await wrong(...tried('node', A.name, true, 'tcp/80', 'udp/80'))).toEqual([]);
    expect(await wrong(...tried(B.name, A.name, false, 'tcp/80', 'udp/80'))).toEqual([]);
  });
});

describe('a HostEndpoint', () => {
  const forwarded = (passes: boolean) => [
    ...tried('outside', A.name, passes, 'tcp/80', 'udp/80'),
    ...tried(A.name, 'outside', passes, 'tcp/80', 'udp/80'),
  ];

  it('without policies is closed but for failsafe ports, and for what is forwarded', async () => {
    await scene.put(named());
    expect(
      await wrong(
        ...tried('outside', 'node', true, 'tcp/22', 'tcp/6443', 'udp/68'),
        ...tried('outside', 'node', false, 'tcp/80', 'udp/80', 'udp/22'),
        ...tried('node', 'outside', true, 'tcp/6443', 'udp/53'),
        ...tried('node', 'outside', false, 'tcp/80', 'udp/80', 'tcp/22'),
        ...tried('node', A.name, true, 'tcp/80'),
        ...forwarded(true),
      ),
    ).toEqual([]);
    await scene.put(
      felix({ failsafeInboundHostPorts: [{ protocol: 'tcp', port: 81 }], failsafeOutboundHostPorts: [] }),
    );
    expect(
      await wrong(
        ...tried('outside', 'node', true, 'tcp/81'),
        ...tried('outside', 'node', false, 'tcp/22'),
        ...tried('node', 'outside', false, 'tcp/6443'),
      ),
    ).toEqual([]);
    await scene.delete(named());
    expect(
      await wrong(...tried('outside', 'node', true, 'tcp/80'), ...tried('node', 'outside', true, 'tcp/80')),
    ).toEqual([]);
  });

  it('does as policies say, by its interface or its addresses, and leaves workloads alone', async () => {
    const rules = policy('rules', {
      ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [80] } }],
      egress: [{ action: 'Deny', protocol: 'UDP', destination: { ports: [81] } }, { action: 'Allow' }],
      types: ['Ingress', 'Egress'],
    });
    const expected = [
      ...tried('outside', 'node', true, 'tcp/80', 'tcp/22'),
      ...tried('outside', 'node', false, 'tcp/81', 'udp/80'),
      ...tried('node', 'outside', true, 'tcp/80', 'udp/80'),
      ...tried('node', 'outside', false, 'udp/81'),
      ...tried('node', A.name, true, 'tcp/80', 'udp/81'),
      ...forwarded(true),
    ];
    await scene.put(rules, named({ uplink: 'yes' }), felix({ defaultEndpointToHostAction: 'Accept' }));
    expect(await wrong(...expected, ...tried(A.name, 'node', true, 'udp/80'))).toEqual([]);
    await scene.delete(named());
    await scene.put(host('by-address', { expectedIPs: [UPLINK.node[0]] }, { uplink: 'yes' }));
    expect(await wrong(...expected)).toEqual([]);
  });

  it('of all interfaces stands back where an interface has its own', async () => {
    const all = host('all', { interfaceName: '*' }, { uplink: 'all' });
    const open = policy('open', {
      types: ['Ingress', 'Egress'],
      ingress: [{ action: 'Allow' }],
      egress: [{ action: 'Allow' }],
    });
    const closed = policy('closed', {
      selector: "uplink == 'all'",
      order: 1,
      types: ['Ingress'],
      ingress: [{ action: 'Deny' }],
    });
    await scene.put(all, open, closed, felix({ defaultEndpointToHostAction: 'Accept' }));
    expect(
      await wrong(
        ...tried('outside', 'node', false, 'tcp/80'),
        ...tried('outside', 'node', true, 'tcp/22'),
        ...tried('node', A.name, true, 'tcp/80'),
        ...tried(A.name, 'node', true, 'tcp/80'),
        ...tried('node', 'outside', true, 'tcp/80'),
        ...forwarded(true),
      ),
    ).toEqual([]);
    await scene.put(named({ uplink: 'own' }));
    expect(await wrong(...tried('outside', 'node', true, 'tcp/80'))).toEqual([]);
  });

  it('judges what is forwarded where a policy says that it applies to that', async () => {
    const forward = policy('forward', {
      applyOnForward: true,
      types: ['Ingress'],
      ingress: [{ action: 'Allow', protocol: 'UDP' }],
    });
    await scene.put(named({ uplink: 'yes' }), forward);
    expect(
      await wrong(
        ...tried('outside', A.name, true, 'udp/80'),
        ...tried('outside', A.name, false, 'tcp/80'),
        ...tried(A.name, 'outside', true, 'tcp/80', 'udp/80'),
        ...tried(A.name, B.name, true, 'tcp/80'),
        ...tried('outside', 'node', true, 'udp/80', 'tcp/22'),
      ),
    ).toEqual([]);
  });

  it('judges before addresses are translated, and before connections are tracked, where policies ask for that', async () => {
    scene.network.onNode(`nft -f - <<'END'\n${NODE_PORTS}END`);
    const nodePort = (port: string, passes: boolean) => tried('outside', 'node', passes, port)[0];
    // Policies of workloads see the translated port.
    const toA = calico('NetworkPolicy', 'x/to-a', {
      selector: "pod == 'a'",
      ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [80] } }],
      types: ['Ingress'],
    });
    await scene.put(toA, named({ uplink: 'yes' }));
    expect(await wrong(nodePort('tcp/30080', true), nodePort('tcp/30081', false))).toEqual([]);
    const closed = policy('closed', {
      preDNAT: true,
      applyOnForward: true,
      types: ['Ingress'],
      ingress: [{ action: 'Deny', protocol: 'TCP', destination: { ports: [30080] } }],
    });
    await scene.put(closed);
    expect(
      await wrong(nodePort('tcp/30080', false), ...tried('outside', A.name, true, 'tcp/80'), nodePort('tcp/22', true)),
    ).toEqual([]);
    const untracked = policy('untracked', {
      doNotTrack: true,
      applyOnForward: true,
      types: ['Ingress', 'Egress'],
      ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [80] } }],
      egress: [{ action: 'Allow', protocol: 'TCP', source: { ports: [80] } }],
    });
    await scene.put(untracked);
    expect(
      await wrong(...tried('outside', 'node', true, 'tcp/80', 'tcp/22'), ...tried('outside', 'node', false, 'tcp/81')),
    ).toEqual([]);
    scene.network.onNode('nft delete table ip node_ports');
  });
});
