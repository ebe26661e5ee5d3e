/** The agent among others: resources in any order, a datastore that goes away, and starlingd beside it. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../support/kube-api.ts';
import { start, waitUntilReady } from '../support/processes.ts';
import type { RunningProcess } from '../support/processes.ts';
import { httpRequest } from '../support/http.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { DIST } from './daemon-client.ts';
import { POLICY_NEEDS, UPLINK, pod } from './policy-network.ts';
import { NODE, calico, namespaceManifest, networkPolicy, podManifest } from './policy-resources.ts';
import { PolicyScene } from './policy-scene.ts';

beforeEach((ctx) => requireOrSkip(ctx, POLICY_NEEDS));

const A = pod('x/a', 2);
const B = pod('x/b', 3);
const PODS = [A, B];

/** What depends on each other in every way: none of it may count less because something else comes later. */
const RESOURCES: readonly Manifest[] = [
  namespaceManifest('x'),
  namespaceManifest('y'),
  podManifest(A),
  podManifest(B),
  { ...podManifest(pod('y/far', 40)), spec: { nodeName: 'another', containers: [] } },
  calico('Tier', 'first', { order: 1, defaultAction: 'Pass' }),
  calico('NetworkPolicy', 'x/first.b', {
    tier: 'first',
    selector: "pod == 'b'",
    types: ['Ingress', 'Egress'],
    ingress: [{ action: 'Allow', source: { selector: 'has(ext)' } }, { action: 'Pass' }],
    egress: [{ action: 'Deny', destination: { nets: ['10.0.0.0/8'], notSelector: "pod == 'a'" } }, { action: 'Allow' }],
  }),
  networkPolicy('x/ports', {
    podSelector: { matchLabels: { pod: 'a' } },
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }], ports: [{ port: 'serve-81-tcp' }] }],
    egress: [{ to: [{ ipBlock: { cidr: '10.65.0.0/16', except: ['10.65.1.0/24'] } }] }],
  }),
  calico('NetworkSet', 'x/ext', { nets: ['10.80.0.0/16', '10.80.1.0/24', 'fd80::/64'] }, { labels: { ext: 'yes' } }),
  calico('GlobalNetworkSet', 'ext', { nets: ['10.80.1.128/25'] }, { labels: { ext: 'yes' } }),
  calico('HostEndpoint', 'uplink', { node: NODE, interfaceName: UPLINK.device }, { labels: { uplink: 'yes' } }),
  calico('GlobalNetworkPolicy', 'uplink', {
    selector: 'has(uplink)',
    types: ['Ingress'],
    ingress: [{ action: 'Allow', source: { selector: "pod == 'far'", namespaceSelector: 'all()' } }],
  }),
  calico('FelixConfiguration', 'default', { defaultEndpointToHostAction: 'Accept' }),
  calico('IPPool', 'pods', { cidr: '10.65.0.0/16', natOutgoing: true }),
];

describe('resources', () => {
  it('lead to the same rules in whatever order they come, change and go', async () => {
    await using scene = await PolicyScene.start(PODS, RESOURCES);
    const rules = scene.rules();
    const reversed = RESOURCES.toReversed();
    // As many at a time as there are left, from the first and from the last; and in between some that go again.
    for (const order of [RESOURCES, reversed, [...reversed.slice(5), ...reversed.slice(0, 5)]]) {
      await scene.replace([]);
      for (const count of [2, 5, 9]) await scene.replace(order.slice(0, count));
      await scene.replace([...order.slice(6), namespaceManifest('z')]);
      await scene.replace(order);
      expect(scene.rules()).toBe(rules);
    }
    const unlike = RESOURCES.map((one) => ({
      ...one,
      metadata: { ...one.metadata, labels: { pod: 'a', ns: 'y', ext: 'no' } },
    }));
    await scene.replace(unlike);
    expect(scene.rules()).not.toBe(rules);
    await scene.replace(RESOURCES);
    expect(scene.rules()).toBe(rules);
    await scene.agent.end('SIGTERM');
    await scene.agent.start();
    expect(scene.rules()).toBe(rules);
  });

  it('stay in force while their datastore is away, and nothing is touched before it has been read', async () => {
    await using scene = await PolicyScene.start(PODS, RESOURCES);
    const rules = scene.rules();
    const aside = `${scene.folder}-aside`;
    renameSync(scene.folder, aside);
    await waitFor(() => scene.agent.status(), {
      what: 'that to be said',
      accept: ({ problems }) => problems.length > 0,
    });
    expect(scene.rules()).toBe(rules);
    await scene.agent.end('SIGTERM');
    const agent = scene.agent.launch();
    await waitUntilReady(agent, () => scene.agent.status());
    await waitFor(() => scene.agent.status(), {
      what: 'that to be said',
      accept: ({ problems }) => problems.length > 0,
    });
    expect((await scene.agent.status()).ruleset).toMatchObject({ inSync: false, appliedAt: null });
    expect(scene.rules()).toBe(rules);
    renameSync(aside, scene.folder);
    await scene.agent.inSync();
    expect(scene.rules()).toBe(rules);
  });
});

/** Starts starlingd with the same configuration file, and waits until it answers. */
async function startDaemon(scene: PolicyScene): Promise<RunningProcess> {
  const argv = ['node', join(DIST, 'daemon/main.js'), '--config', scene.agent.config];
  const daemon = start(argv, { name: 'starlingd', space: scene.network.node });
  const options = { socketPath: scene.agent.daemonSocket, path: '/readyz' };
  const ready = async () => {
    const { status, text } = await httpRequest(options);
    if (status !== 200) throw new Error(text);
  };
  await waitUntilReady(daemon, ready);
  return daemon;
}

describe('starlingd with the same configuration file', () => {
  const CLUSTER = [
    // Where there is this, the daemon takes Felix to be there.
    ...RESOURCES.filter(({ kind }) => kind !== 'FelixConfiguration'),
    calico('Node', NODE, { bgp: { asNumber: 64_512, ipv4Address: `${UPLINK.node[0]}/24` } }),
    calico('BGPConfiguration', 'default', {
      nodeToNodeMeshEnabled: false,
      serviceClusterIPs: [{ cidr: '10.96.0.0/16' }],
    }),
  ];
  const probes = [
    { from: 'outside', to: A.name, protocol: 'tcp', passes: false },
    { from: A.name, to: B.name, protocol: 'tcp', passes: true },
    { from: B.name, to: A.name, protocol: 'tcp', passes: false },
  ] as const;

  it.each(['before', 'after'])('may start %s the agent, and neither touches what the other has', async (when) => {
    await using scene = new PolicyScene(PODS);
    scene.write(CLUSTER);
    const first = when === 'before' ? await startDaemon(scene) : undefined;
    await scene.agent.start();
    await using daemon = first ?? (await startDaemon(scene));
    expect(await scene.network.prober.wrong(probes)).toEqual([]);
    const tables = () => scene.network.onNode('nft list tables');
    // Loops are the business of one only: of the daemon, which knows more of routes.
    const knows = scene.rules().includes('10.96.0.0/16');
    expect({ when, knows }).not.toEqual({ when: 'before', knows: true });
    const rules = scene.rules();
    await daemon.stop();
    expect(scene.rules()).toBe(rules);
    expect(await scene.agent.starling('shutdown', '--for-good')).toMatchObject({ code: 0 });
    expect(tables()).toContain('starling_loops');
  });
});
