/** starlingd with its resources in etcd, which dies and comes back. */
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { startEtcd } from '../support/etcd.ts';
import type { Etcd } from '../support/etcd.ts';
import { relayPort } from '../support/namespace-relay.ts';
import { createScratch } from '../support/scratch.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, NODE_AS, TestNode, bgpPeer, linkAddresses, resource } from './daemon-fixture.ts';
import { survivesItsDatastore } from './datastore-scenario.ts';

beforeEach((ctx) => requireOrSkip(ctx, { ...DAEMON_NEEDS, programs: [...DAEMON_NEEDS.programs, 'etcd'] }));

const calico = (plural: string, name: string) => `/calico/resources/v3/projectcalico.org/${plural}/${name}`;

/** As Calico's IPAM writes a block of the node. */
function putBlock(etcd: Etcd, cidr: string): Promise<void> {
  const value = { state: 'confirmed', deleted: 'false' };
  return etcd.put(`/calico/ipam/v2/host/node-1/ipv4/block/${cidr.replace('/', '-')}`, value);
}

async function fill(etcd: Etcd): Promise<void> {
  const bgp = { asNumber: NODE_AS, ipv4Address: `${linkAddresses(1).ours}/24` };
  await etcd.put(calico('nodes', 'node-1'), resource('Node', 'node-1', { bgp }));
  const settings = { nodeToNodeMeshEnabled: false };
  await etcd.put(calico('bgpconfigurations', 'default'), resource('BGPConfiguration', 'default', settings));
  await etcd.put(calico('bgppeers', 'router-1'), bgpPeer(1, 65_001));
  await putBlock(etcd, '10.244.1.0/26');
}

describe('starlingd with etcd', () => {
  it('peers on while etcd is dead, starts without it, and takes up only what is different', async () => {
    using scratch = createScratch('etcd-daemon');
    await using node = new TestNode();
    await using bird = await Bird.start(node.addLink(1), 1, 65_001);
    await using etcd = await startEtcd({ directory: scratch.path });
    await using _relay = await relayPort(etcd.port, node.namespace);
    await fill(etcd);
    const problems = await survivesItsDatastore(node, bird, {
      name: 'etcd',
      settings: { type: 'etcd', etcd: { endpoints: [etcd.url] }, cache: join(scratch.path, 'cache') },
      kill: () => etcd.kill(),
      restart: () => etcd.restart(),
      addBlock: (cidr) => putBlock(etcd, cidr),
    });
    expect(problems).toEqual([]);
  });

  it('takes Secrets from manifests beside etcd, and names a bad object with its key', async () => {
    using scratch = createScratch('etcd-daemon');
    await using node = new TestNode();
    await using bird = await Bird.start(node.addLink(1), 1, 65_001);
    await using etcd = await startEtcd({ directory: scratch.path });
    await using _relay = await relayPort(etcd.port, node.namespace);
    await fill(etcd);
    const secretKeyRef = { name: 'keys', key: 'router' };
    await etcd.put(calico('bgppeers', 'router-2'), bgpPeer(2, 65_002, { password: { secretKeyRef } }));
    await etcd.put(calico('bgppeers', 'bad'), bgpPeer(3, 65_003, { asNumber: 'many' }));
    await node.startDaemon(
      node.configure({
        datastore: { type: 'etcd', etcd: { endpoints: [etcd.url], manifestsPath: node.resources }, cache: '' },
      }),
    );
    await node.established(linkAddresses(1).theirs);
    await bird.has('10.244.1.0/26');
    const words = await node.problems();
    expect(words).toContain(`${calico('bgppeers', 'bad')}: BGPPeer "router-3": spec.asNumber: `);
    expect(words).toContain(`Peer ${linkAddresses(2).theirs} is held down`);
    node.write('secret.yaml', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keys', namespace: 'kube-system' },
      stringData: { router: 'a password' },
    });
    await waitFor(() => node.problems(), {
      what: 'the password to be found',
      accept: (problems) => !problems.includes('is held down'),
    });
    expect((await node.peer(linkAddresses(2).theirs)).security.md5).toBe(true);
    expect(await node.metric('starling_datastore_source_synced', `source="${calico('bgppeers', '')}"`)).toBe(1);
  });
});
