/** What packets of workloads show of policies: addresses, protocols, names of ports, sets, and workloads that come and go. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../support/kube-api.ts';
import type { Probe } from '../support/policy-prober.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { POLICY_NEEDS, UPLINK, interfaceOf, pod } from './policy-network.ts';
import type { TestPod } from './policy-network.ts';
import { NODE, calico, namespaceManifest, networkPolicy, podManifest } from './policy-resources.ts';
import { PolicyScene } from './policy-scene.ts';

const missing = missingHere(POLICY_NEEDS);

const A = pod('x/a', 2);
const B = pod('x/b', 3);
const C = pod('y/c', 4);
/** Workloads of WorkloadEndpoints, which say more than Pods. */
const VM: TestPod = { ...pod('vms/vm', 9), interfaceName: 'cali-vm' };
const VM_PEER: TestPod = { ...pod('vms/peer', 10), interfaceName: 'cali-peer' };
const PODS = [A, B, C];
const BASE = [
  namespaceManifest('x'),
  namespaceManifest('y'),
  namespaceManifest('vms'),
  ...PODS.map((one) => podManifest(one)),
];

/** A WorkloadEndpoint of an orchestrator other than Kubernetes. */
function workload({ name, addresses, interfaceName }: TestPod, labels: object, spec: object = {}): Manifest {
  const [namespace, own] = name.split('/');
  return calico(
    'WorkloadEndpoint',
    `${namespace}/${NODE.replaceAll('-', '--')}-test-${own}-eth0`,
    {
      node: NODE,
      orchestrator: 'test',
      workload: own,
      endpoint: 'eth0',
      interfaceName,
      ipNetworks: [`${addresses[0]}/32`, `${addresses[1]}/128`],
      profiles: [`kns.${namespace}`],
      ...spec,
    },
    { labels },
  );
}

/** A probe of each family. */
function both(probe: Omit<Probe, 'version'>): Probe[] {
  return ([4, 6] as const).map((version) => ({ ...probe, version }));
}

/** Probes from one to another by TCP and UDP, in both families. */
function tried(from: string, to: string, passes: boolean, port = 80): Probe[] {
  return (['tcp', 'udp'] as const).flatMap((protocol) => both({ from, to, protocol, port, passes }));
}

let scene: PolicyScene;

beforeAll(async () => {
  if (missing === undefined) scene = await PolicyScene.start([...PODS, VM, VM_PEER], BASE);
});

afterAll(() => scene?.[Symbol.asyncDispose]());

beforeEach(async (ctx) => {
  if (missing !== undefined) ctx.skip(missing);
  else await scene.replace(BASE);
});

const wrong = (...probes: readonly Probe[]) => scene.network.prober.wrong(probes);

/** A policy of Calico for ingress of pod a, which is then open to nothing else. */
const toA = (rules: readonly object[], more: object = {}) =>
  calico('NetworkPolicy', 'x/to-a', { selector: "pod == 'a'", types: ['Ingress'], ingress: rules, ...more });

describe('interfaces', () => {
  it('are closed before anybody says whose they are, and while no agent runs', async () => {
    const late = pod('x/late', 20);
    scene.network.addPods([late]);
    const others = [A.name, 'outside'];
    const fromAndTo = (passes: boolean) =>
      others.flatMap((other) => [...tried(late.name, other, passes), ...tried(other, late.name, passes)]);
    expect(await wrong(...fromAndTo(false), ...tried(late.name, 'node', false))).toEqual([]);
    await scene.agent.end('SIGKILL');
    const later = pod('x/later', 21);
    scene.network.addPods([later]);
    expect(
      await wrong(...fromAndTo(false), ...tried(later.name, A.name, false), ...tried(A.name, B.name, true)),
    ).toEqual([]);
    await scene.agent.start();
    await scene.put(podManifest(late));
    expect(await wrong(...fromAndTo(true), ...tried(later.name, A.name, false))).toEqual([]);
    for (const name of [late.name, later.name]) scene.network.removePod(name);
  });

  it('are closed where the profile of the namespace is not known', async () => {
    await scene.delete(namespaceManifest('y'));
    expect(await wrong(...tried(A.name, C.name, false), ...tried(C.name, A.name, false))).toEqual([]);
    await scene.put(namespaceManifest('y'));
    expect(await wrong(...tried(A.name, C.name, true), ...tried(C.name, A.name, true))).toEqual([]);
  });
});

describe('pods', () => {
  it('that terminate keep network and policies, and those that have finished are closed', async () => {
    await scene.put(toA([{ action: 'Allow', source: { selector: "pod == 'b'" } }]));
    const ending = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 };
    await scene.put(podManifest(B, { metadata: ending }), podManifest(A, { metadata: ending }));
    expect(await wrong(...tried(B.name, A.name, true), ...tried(C.name, A.name, false))).toEqual([]);
    await scene.put(podManifest(B, { status: { phase: 'Succeeded' } }));
    expect(await wrong(...tried(B.name, A.name, false), ...tried(C.name, B.name, false))).toEqual([]);
  });

  it('that take over an address do not take over connections', async () => {
    const policy = calico('NetworkPolicy', 'vms/clients', {
      selector: "role == 'server'",
      types: ['Ingress'],
      ingress: [{ action: 'Allow', source: { selector: "role == 'client'" } }],
    });
    const server = workload(VM, { role: 'server' });
    const client = workload(VM_PEER, { role: 'client' });
    await scene.put(policy, server, client);
    const flow = await scene.network.prober.open({ from: VM_PEER.name, to: VM.name, protocol: 'udp' });
    await scene.delete(client);
    const another = workload({ ...VM_PEER, name: 'vms/another' }, { role: 'other' });
    await scene.put(another);
    expect(await flow.exchange(100)).toBe(false);
    await scene.delete(another);
    await scene.put(client);
    expect(await flow.exchange()).toBe(true);
    // Its address now belongs to somebody who takes no client.
    await scene.delete(server);
    await scene.put(workload({ ...VM, name: 'vms/shut' }, { role: 'server' }, { profiles: [] }), {
      ...policy,
      spec: { ...(policy['spec'] as object), ingress: [] },
    });
    expect(await flow.exchange(100)).toBe(false);
    flow.close();
  });

  it('do not send as others do, unless their endpoint says so and that is allowed', async () => {
    await scene.put(workload(VM, {}));
    const as = (source: string, version: 4 | 6, passes: boolean): Probe[] =>
      (['udp', 'sctp', 'icmp'] as const).map((protocol) => ({
        from: VM.name,
        to: A.name,
        protocol,
        version,
        source,
        passes,
      }));
    const spoofed = (passes: boolean) => [...as('10.77.0.5', 4, passes), ...as('fd77::5', 6, passes)];
    const ofOthers = [...as(B.addresses[0], 4, false), ...as(B.addresses[1], 6, false)];
    expect(await wrong(...spoofed(false), ...ofOthers, ...tried(VM.name, A.name, true))).toEqual([]);
    await scene.put(workload(VM, {}, { allowSpoofedSourcePrefixes: ['10.77.0.0/16', 'fd77::/64'] }));
    expect(await wrong(...spoofed(false))).toEqual([]);
    await scene.put(calico('FelixConfiguration', 'default', { workloadSourceSpoofing: 'Any' }));
    expect(await wrong(...spoofed(true), ...ofOthers, ...as('10.78.0.5', 4, false))).toEqual([]);
  });
});

describe('policies', () => {
  it('judge ICMP by type and code, and leave neighbour discovery alone', async () => {
    const ping = (from: string, passes: boolean, icmp?: readonly [number, number], version: 4 | 6 = 4): Probe => ({
      from,
      to: A.name,
      protocol: 'icmp',
      version,
      passes,
      ...(icmp !== undefined && { icmp }),
    });
    await scene.put(
      toA([
        { action: 'Allow', protocol: 'ICMP', icmp: { type: 8, code: 0 }, source: { selector: "pod == 'b'" } },
        {
          action: 'Allow',
          protocol: 'ICMP',
          notICMP: { type: 8, code: 0 },
          source: { selector: "pod == 'c'", namespaceSelector: 'all()' },
        },
        { action: 'Allow', protocol: 'ICMPv6', icmp: { type: 128 }, source: { selector: "pod == 'b'" } },
      ]),
    );
    expect(
      await wrong(
        ping(B.name, true),
        ping(B.name, false, [13, 0]),
        ping(C.name, false),
        ping(C.name, true, [8, 1]),
        ping(C.name, true, [13, 0]),
        ping(B.name, true, undefined, 6),
        ping(C.name, false, undefined, 6),
        ...tried(B.name, A.name, false),
      ),
    ).toEqual([]);
    // Nothing is open but what finds neighbours.
    await scene.put(
      toA([]),
      calico('GlobalNetworkPolicy', 'closed', { selector: "pod in {'b', 'c'}", types: ['Egress'] }),
    );
    for (const one of PODS) scene.network.inPod(one.name, 'ip neigh flush all', 'ip -6 neigh flush all');
    scene.network.onNode('ip neigh flush all', 'ip -6 neigh flush all');
    expect(
      await wrong(...tried('node', A.name, true), ...tried(A.name, 'outside', true), ...tried(B.name, C.name, false)),
    ).toEqual([]);
  });

  it('take ports by number, range or name, and protocols that are not meant', async () => {
    const port = (name: string, own: number) => ({ ports: [name, own] });
    await scene.put(
      toA([
        { action: 'Deny', protocol: 'UDP', destination: { notPorts: ['serve-81-udp'] } },
        { action: 'Allow', protocol: 'TCP', destination: port('serve-81-tcp', 443) },
        { action: 'Allow', protocol: 'UDP' },
        { action: 'Allow', protocol: 'SCTP', destination: { ports: ['70:80'] } },
      ]),
    );
    const at = (protocol: Probe['protocol'], number: number, passes: boolean) =>
      both({ from: C.name, to: A.name, protocol, port: number, passes });
    expect(
      await wrong(
        ...at('tcp', 80, false),
        ...at('tcp', 81, true),
        ...at('udp', 80, false),
        ...at('udp', 81, true),
        ...at('sctp', 80, true),
        ...at('sctp', 81, false),
      ),
    ).toEqual([]);
  });

  it('take nested and overlapping prefixes of sets, and give way when they go', async () => {
    const nets = (name: string, ...list: string[]) =>
      calico('NetworkSet', `x/${name}`, { nets: list }, { labels: { ext: name } });
    const from = (source: string, version: 4 | 6, passes: boolean): Probe => ({
      from: 'outside',
      to: A.name,
      protocol: 'udp',
      source,
      version,
      passes,
    });
    await scene.put(
      toA([{ action: 'Allow', source: { selector: 'has(ext)' } }]),
      nets('one', '10.80.0.0/16', '10.80.1.0/24', '10.80.1.7/32', 'fd80::/32', 'fd80::7/128'),
      nets('two', '10.80.0.0/14', '10.80.1.0/25'),
    );
    const inner = (passes: boolean) => [
      from('10.80.1.7', 4, passes),
      from('10.80.1.8', 4, passes),
      from('fd80::7', 6, passes),
    ];
    expect(
      await wrong(...inner(true), from('10.82.0.1', 4, true), from('10.84.0.1', 4, false), from('fd81::1', 6, false)),
    ).toEqual([]);
    await scene.delete(nets('two'));
    expect(await wrong(...inner(true), from('10.80.200.1', 4, true), from('10.82.0.1', 4, false))).toEqual([]);
    await scene.put(nets('one', '10.80.1.0/24', '10.80.1.7/32', 'fd80::7/128'));
    expect(await wrong(...inner(true), from('10.80.200.1', 4, false), from('fd80::8', 6, false))).toEqual([]);
    await scene.put(nets('one', '10.80.1.7/32', '0.0.0.0/0', '::/0'));
    expect(await wrong(...inner(true), from('10.84.0.1', 4, true), from('fd81::1', 6, true))).toEqual([]);
    await scene.delete(nets('one'));
    expect(await wrong(...inner(false))).toEqual([]);
  });

  it('are asked tier by tier, with Pass, order and the default action of tiers', async () => {
    const policy = (tier: string, name: string, order: number, rules: object[]) =>
      calico('GlobalNetworkPolicy', name, { tier, order, selector: "pod == 'a'", types: ['Ingress'], ingress: rules });
    const from = (name: string, more: object = {}) => ({
      source: { selector: `pod == '${name}'` },
      ...more,
    });
    await scene.put(
      calico('Tier', 'first', { order: 10 }),
      calico('Tier', 'second', { order: 20, defaultAction: 'Pass' }),
      policy('first', 'first.b', 2, [{ action: 'Deny', ...from('b') }]),
      policy('first', 'first.a', 3, [{ action: 'Allow', ...from('b') }, { action: 'Pass' }]),
      policy('second', 'second.a', 1, [{ action: 'Allow', protocol: 'TCP', ...from('c') }]),
      policy('default', 'last', 1, [{ action: 'Allow', protocol: 'UDP', ...from('c') }]),
    );
    const passed = (from: string, protocol: 'tcp' | 'udp' | 'sctp', passes: boolean) =>
      both({ from, to: A.name, protocol, passes });
    expect(
      await wrong(
        ...passed(B.name, 'tcp', false),
        ...passed(C.name, 'tcp', true),
        ...passed(C.name, 'udp', true),
        ...passed(C.name, 'sctp', false),
        ...tried('outside', A.name, false),
      ),
    ).toEqual([]);
    await scene.delete(policy('first', 'first.b', 2, []));
    expect(await wrong(...passed(B.name, 'tcp', true))).toEqual([]);
  });

  it('name services, whose endpoints count as EndpointSlices have them', async () => {
    const slice = (address: string, port: number): Manifest => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', namespace: 'y', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: '', port, protocol: 'TCP' }],
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
    });
    const services = { name: 'web', namespace: 'y' };
    const only = calico('NetworkPolicy', 'x/to-web', {
      selector: "pod == 'a'",
      types: ['Egress'],
      egress: [{ action: 'Allow', destination: { services } }],
    });
    const to = (name: string, port: number, passes: boolean): Probe => ({
      from: A.name,
      to: name,
      protocol: 'tcp',
      port,
      passes,
    });
    await scene.put(only, slice(C.addresses[0], 81));
    expect(await wrong(to(C.name, 81, true), to(C.name, 80, false), to(B.name, 81, false))).toEqual([]);
    await scene.put(slice(B.addresses[0], 80));
    expect(await wrong(to(C.name, 81, false), to(B.name, 80, true), to(B.name, 81, false))).toEqual([]);
  });

  it('that cannot be read close what they are for, and others go on', async () => {
    const selector = "pod == 'a'";
    const broken = calico('NetworkPolicy', 'x/broken', {
      selector,
      types: ['Ingress'],
      order: 1,
      ingress: [
        { action: 'Allow', source: { selector: 'has(' } },
        { action: 'Allow', protocol: 'TCP', source: { selector: "pod == 'c'", namespaceSelector: 'all()' } },
      ],
    });
    const unknown = calico('NetworkPolicy', 'y/unknown', {
      selector: 'has(',
      types: ['Ingress'],
      ingress: [{ action: 'Allow', protocol: 'UDP' }],
    });
    await scene.put(
      broken,
      unknown,
      networkPolicy('x/other', { podSelector: { matchLabels: { pod: 'b' } }, ingress: [{ ports: [{ port: 81 }] }] }),
    );
    expect(
      await wrong(
        ...tried(B.name, A.name, false),
        ...both({ from: C.name, to: A.name, protocol: 'tcp', passes: true }),
        ...both({ from: C.name, to: A.name, protocol: 'udp', passes: false }),
        ...both({ from: A.name, to: C.name, protocol: 'tcp', passes: false }),
        ...both({ from: A.name, to: B.name, protocol: 'tcp', port: 81, passes: true }),
        ...both({ from: A.name, to: B.name, protocol: 'tcp', port: 80, passes: false }),
      ),
    ).toEqual([]);
    const said = async () => (await scene.agent.status()).problems.join('\n');
    const accept = (text: string) => /broken.*ingress/.test(text) && /unknown.*selector/.test(text);
    await waitFor(said, { what: 'both to be named, with the place', accept });
  });

  it('log what they say, with their names, where the kernel logs of namespaces', async (ctx) => {
    await scene.put(toA([{ action: 'Log', protocol: 'UDP' }, { action: 'Allow' }]));
    expect(scene.rules()).toMatch(/log prefix "[^"]*to-a/);
    using logging = logOfNamespaces();
    if (logging.missing !== undefined) ctx.skip(logging.missing);
    expect(await wrong(...tried(C.name, A.name, true))).toEqual([]);
    expect(kernelLog()).toMatch(new RegExp(`to-a.* OUT=${interfaceOf(A)} .*PROTO=UDP`));
  });
});

/** Exists in the kernel's first network namespace only. */
const LOG_ALL_NAMESPACES = '/proc/sys/net/netfilter/nf_log_all_netns';

/** Has the kernel log of rules in all namespaces until it is disposed, unless this machine does not let us, or show its log. */
function logOfNamespaces(): Disposable & { readonly missing: string | undefined } {
  try {
    const before = readFileSync(LOG_ALL_NAMESPACES, 'utf8');
    kernelLog();
    writeFileSync(LOG_ALL_NAMESPACES, '1');
    return { missing: undefined, [Symbol.dispose]: () => writeFileSync(LOG_ALL_NAMESPACES, before) };
  } catch {
    return { missing: 'the kernel does not log of namespaces, or its log may not be read', [Symbol.dispose]() {} };
  }
}

function kernelLog(): string {
  return execFileSync('dmesg', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 });
}

describe('what leaves the node', () => {
  const pool = (name: string, cidr: string, natOutgoing: boolean) => calico('IPPool', name, { cidr, natOutgoing });
  const seen = (from: string, to: string, version: 4 | 6 = 4) =>
    scene.network.prober.sourceSeen({ from, to, protocol: 'udp', version });

  it('gets the address of the node outside of all pools, where a pool asks for it', async () => {
    const [elsewhere] = ['10.97.0.5'];
    scene.network.onOutside(`ip address add ${elsewhere}/32 dev lo`);
    await scene.put(pool('a', '10.65.0.0/24', true), pool('b', 'fd65::/64', true), pool('c', '10.97.0.0/24', false));
    expect(await seen(A.name, 'outside')).toBe(UPLINK.node[0]);
    expect(await seen(A.name, 'outside', 6)).toBe(UPLINK.node[1]);
    expect(await seen(A.name, elsewhere)).toBe(A.addresses[0]);
    expect(await seen(A.name, B.name)).toBe(A.addresses[0]);
    expect(await seen(A.name, B.name, 6)).toBe(A.addresses[1]);
    await scene.put(pool('a', '10.65.0.0/24', false));
    expect(await seen(A.name, 'outside')).toBe(A.addresses[0]);
    expect(await seen(A.name, 'outside', 6)).toBe(UPLINK.node[1]);
  });

  it('is not sent back to where it came from, for services that nobody serves', async () => {
    const [unused, unused6] = ['10.96.0.99', 'fd00:96::99'];
    scene.network.onOutside(`ip address add ${unused}/32 dev lo`, `ip address add ${unused6}/128 dev lo nodad`);
    const ranges = { serviceClusterIPs: [{ cidr: '10.96.0.0/16' }, { cidr: 'fd00:96::/112' }] };
    const felix = (serviceLoopPrevention: string) => calico('FelixConfiguration', 'default', { serviceLoopPrevention });
    const out = (passes: boolean): Probe[] => [
      { from: A.name, to: unused, protocol: 'udp', source: A.addresses[0], passes },
      { from: A.name, to: unused6, protocol: 'udp', version: 6, source: A.addresses[1], passes },
    ];
    await scene.put(felix('Disabled'), calico('BGPConfiguration', 'default', ranges));
    expect(await wrong(...out(true))).toEqual([]);
    await scene.put(felix('Drop'));
    expect(await wrong(...out(false), ...tried(A.name, 'outside', true))).toEqual([]);
    await scene.put(felix('Reject'));
    const flow = scene.network.prober.open({ from: A.name, to: unused, protocol: 'tcp' });
    await expect(flow).rejects.toThrow('still waiting');
    await scene.put(felix('Disabled'));
    expect(await wrong(...out(true))).toEqual([]);
  });
});
