/** A node that finds out by itself who it is, tells the cluster, and reports on itself. */
import { beforeEach, expect, it } from 'vitest';
import { startEtcd } from '../support/etcd.ts';
import type { Etcd } from '../support/etcd.ts';
import { relayPort } from '../support/namespace-relay.ts';
import { createScratch } from '../support/scratch.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { Bird } from './bird-fixture.ts';
import { DAEMON_NEEDS, NODE_AS, TestNode, bgpPeer, linkAddresses, resource } from './daemon-fixture.ts';

beforeEach((ctx) => requireOrSkip(ctx, { ...DAEMON_NEEDS, programs: [...DAEMON_NEEDS.programs, 'etcd'] }));

const calico = (plural: string, name: string) => `/calico/resources/v3/projectcalico.org/${plural}/${name}`;
const NODE = calico('nodes', 'node-1');
const STATUS = calico('caliconodestatuses', 'node-1');
const { ours, ours6, theirs } = linkAddresses(1);

/** An object of etcd, once it is as it should be. */
function reached<T>(etcd: Etcd, key: string, what: string, accept: (object: T) => boolean): Promise<T> {
  return waitFor(async () => JSON.parse((await etcd.get(key)) ?? '{}') as T, { what, timeoutMs: 20_000, accept });
}

interface NodeObject {
  readonly spec?: { readonly bgp?: object & { readonly ipv4Address?: string } };
}

interface StatusObject {
  readonly spec?: object;
  readonly status?: {
    readonly bgp?: { readonly numberEstablishedV4?: number };
    readonly routes?: { routesV4?: object[] };
  };
}

it('finds its addresses, writes its Node, says when another has its address, and reports', async () => {
  using scratch = createScratch('bootstrap');
  await using node = new TestNode();
  await using bird = await Bird.start(node.addLink(1), 1, 65_001, ['203.0.113.0/24']);
  node.addLink(2);
  await using etcd = await startEtcd({ directory: scratch.path });
  await using _relay = await relayPort(etcd.port, node.namespace);
  const wish = { node: 'node-1', classes: ['Agent', 'BGP', 'Routes'], updatePeriodSeconds: 1 };
  await etcd.putAll({
    [calico('bgpconfigurations', 'default')]: resource('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false }),
    [calico('bgppeers', 'router-1')]: bgpPeer(1, 65_001),
    [STATUS]: resource('CalicoNodeStatus', 'node-1', wish),
  });
  await node.startDaemon(
    node.configure({
      datastore: { type: 'etcd', etcd: { endpoints: [etcd.url] }, cache: '' },
      ip: 'autodetect',
      ipAutodetectionMethod: `can-reach=${theirs}`,
      ip6: 'autodetect',
      ip6AutodetectionMethod: 'interface=link1',
      asNumber: NODE_AS,
      publishNode: true,
    }),
  );

  const bgp = { ipv4Address: `${ours}/24`, ipv6Address: `${ours6}/64`, asNumber: NODE_AS };
  const written = await reached<NodeObject>(etcd, NODE, 'the Node to be written', ({ spec }) => spec !== undefined);
  expect(written).toMatchObject({ kind: 'Node', apiVersion: 'projectcalico.org/v3', spec: { bgp } });
  await node.established(theirs);
  expect(await node.status()).toMatchObject({ asn: NODE_AS, routerId: ours, problems: [] });

  const { spec, status } = await reached<StatusObject>(
    etcd,
    STATUS,
    'the report',
    (object) => object.status?.bgp?.numberEstablishedV4 === 1 && object.status.routes?.routesV4?.length === 1,
  );
  expect(spec).toEqual(wish);
  expect(status).toMatchObject({
    agent: { birdV4: { state: 'Ready', routerID: ours } },
    bgp: { numberNotEstablishedV4: 0, peersV4: [{ peerIP: theirs, type: 'GlobalPeer', state: 'Established' }] },
  });
  // The session comes before the routes, and those before the kernel.
  const learnedFrom = { sourceType: 'BGPPeer', peerIP: theirs };
  const route = { type: 'FIB', destination: '203.0.113.0/24', gateway: theirs, interface: 'link1', learnedFrom };
  await waitFor(async () => (JSON.parse((await etcd.get(STATUS)) ?? '{}') as StatusObject).status?.routes?.routesV4, {
    what: 'the route in the report',
    accept: (routes) => JSON.stringify(routes) === JSON.stringify([route]),
  });
  expect((await node.starling('node', 'status')).out).toMatch(
    new RegExp(`^IPv4 BGP status\nPEER ADDRESS .*\n${theirs} +global +up +\\S+ +Established$`, 'm'),
  );

  const heard = await bird.heard();
  await etcd.putAll({
    [calico('nodes', 'old-name')]: resource('Node', 'old-name', { bgp: { ipv4Address: `${ours}/24` } }),
    [NODE]: { ...written, spec: { bgp: { asNumber: NODE_AS } } },
  });
  await waitFor(() => node.problems(), {
    what: 'the conflict to be told',
    accept: (problems) => problems.includes(`Node "old-name" has the address ${ours} of this node`),
  });
  await reached<NodeObject>(
    etcd,
    NODE,
    'the rest',
    ({ spec: now }) => now?.bgp !== undefined && 'ipv6Address' in now.bgp,
  );
  expect(JSON.parse((await etcd.get(NODE)) ?? '')).not.toHaveProperty('spec.bgp.ipv4Address');
  await etcd.delete(calico('nodes', 'old-name'));
  const again = await reached<NodeObject>(
    etcd,
    NODE,
    'the address',
    ({ spec: now }) => now?.bgp?.ipv4Address !== undefined,
  );
  expect(again.spec?.bgp).toEqual(bgp);
  // What is written to the Node is nothing to a peer.
  expect(await bird.heard()).toEqual(heard);
});
