/** Two nodes without Felix, a router between them that knows no pods: packets between their pods go through VXLAN. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNamespace, link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { Ping } from '../support/ping.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { NODE_AS, TestNode, block, linkAddresses, resource } from './daemon-fixture.ts';
import { connectPod, shell } from './pod-fixture.ts';

const NEEDS = { root: true, programs: ['ip', 'nsenter', 'setpriv', 'ping'] } as const;

const HERE = linkAddresses(1).ours;
const THERE = '10.92.1.1';
const PODS = ['10.65.0.5', '10.65.0.69'] as const;

let nodes: readonly TestNode[];
let pods: readonly Namespace[];
let router: Namespace;

beforeEach(async (ctx) => {
  requireOrSkip(ctx, NEEDS);
  nodes = [new TestNode(), new TestNode()];
  pods = [createNamespace('pod1'), createNamespace('pod2')];
  const [first, second] = nodes;
  router = first.addLink(1);
  link(
    { namespace: second.namespace, device: 'link1', addresses: [`${THERE}/24`] },
    { namespace: router, device: 'eth1', addresses: ['10.92.1.2/24'] },
  );
  await shell(router, 'echo 1 >/proc/sys/net/ipv4/ip_forward');
  await shell(first.namespace, 'ip route add 10.92.1.0/24 via 10.91.1.2');
  await shell(second.namespace, 'ip route add 10.91.1.0/24 via 10.92.1.2');
  for (const [i, pod] of pods.entries()) await connectPod(nodes[i], pod, [PODS[i], `fd65::${i + 1}`]);
});
afterEach(async () => {
  if (missingHere(NEEDS) !== undefined) return;
  for (const node of nodes) await node[Symbol.asyncDispose]();
  for (const pod of pods) pod[Symbol.dispose]();
});

/** Writes the resources of the cluster, which both nodes read. */
function writeCluster(vxlanMode: string): void {
  nodes[0].write(
    'cluster.yaml',
    resource('Node', 'node-1', { bgp: { asNumber: NODE_AS, ipv4Address: `${HERE}/24` } }),
    resource('Node', 'node-2', { bgp: { asNumber: NODE_AS, ipv4Address: `${THERE}/24` } }),
    resource('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: true, asNumber: NODE_AS }),
    resource('IPPool', 'pods', { cidr: '10.65.0.0/16', blockSize: 26, vxlanMode }),
    block('10.65.0.0/26', 'node-1'),
    block('10.65.0.64/26', 'node-2'),
  );
}

/** Starts the daemons, and waits for their session. */
async function startAll(): Promise<void> {
  const [first, second] = nodes;
  const datastore = { type: 'file', file: { path: first.resources } };
  const fib = { felix: 'absent' };
  await first.startDaemon(first.configure({ datastore, fib }));
  await second.startDaemon(second.configure({ datastore, fib, nodeName: 'node-2' }));
  await first.established(THERE);
  await second.established(HERE);
}

describe('packets between pods of nodes on different networks', () => {
  it.each(['CrossSubnet', 'Always'])('go through VXLAN with %s', async (mode) => {
    writeCluster(mode);
    await startAll();
    await using ping = new Ping(pods[0], PODS[1], { rate: 200 });
    await ping.answers(50);
    ping.restart();
    await ping.answers(200);
    expect(ping.count().lost).toBe(0);
    expect(await shell(nodes[0].namespace, 'ip route get 10.65.0.69')).toContain('dev vxlan.calico');
  });

  it('are not lost when the pool is to do without VXLAN from now on', async () => {
    await shell(router, 'ip route add 10.65.0.0/26 via 10.91.1.1', 'ip route add 10.65.0.64/26 via 10.92.1.1');
    writeCluster('Always');
    await startAll();
    await using ping = new Ping(pods[0], PODS[1], { rate: 500 });
    await ping.answers(50);
    ping.restart();
    writeCluster('Never');
    for (const node of nodes) {
      await waitFor(() => node.ip('link', 'show', 'type', 'vxlan'), {
        what: 'the device to go',
        accept: (links) => links.length === 0,
      });
    }
    await ping.answers(100);
    expect(ping.count().lost).toBe(0);
  });
});
