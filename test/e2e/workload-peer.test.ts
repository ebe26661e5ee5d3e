/** A workload of the node as a neighbour: who it is comes from the files that Felix writes. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openNeighbour } from '../support/neighbour.ts';
import { run } from '../support/processes.ts';
import { createScratch } from '../support/scratch.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { TestNode, block, linkAddresses, resource } from './daemon-fixture.ts';

/** The address that workloads peer with, whatever node they are on. */
const PEERING = '169.254.0.179';
const CHILD_AS = 65_401;

it('peers with a workload while its status file says so', async (ctx) => {
  requireOrSkip(ctx, { root: true, programs: ['ip', 'nsenter', 'setpriv'] });
  using scratch = createScratch('endpoints');
  const directory = join(scratch.path, 'endpoint-status');
  await using node = new TestNode();
  const workload = node.addLink(1);
  const { ours, theirs } = linkAddresses(1);
  await run(['ip', 'address', 'add', `${PEERING}/32`, 'dev', 'link1'], { space: node.namespace });
  await run(['ip', 'route', 'add', PEERING, 'via', ours], { space: workload });
  node.writeBasics({ localWorkloadPeeringIPV4: PEERING, bindMode: 'NodeIP' });
  const peer = resource('BGPPeer', 'child', { localWorkloadSelector: 'role == "router"', asNumber: CHILD_AS });
  node.write('all.yaml', peer, block('10.244.1.0/26'));
  const datastore = { type: 'file', file: { path: node.resources }, endpointStatusPath: directory };
  await node.startDaemon(node.configure({ datastore }));
  expect(await node.peers()).toEqual([]);

  mkdirSync(directory);
  const status = { ifaceName: 'cali1', ipv4Nets: [`${theirs}/32`], bgpPeerName: 'child' };
  writeFileSync(join(directory, 'default%2Frouter'), JSON.stringify(status));
  await waitFor(() => node.peers(), { what: 'the peer', accept: ({ length }) => length === 1 });
  expect(await node.peer(theirs)).toMatchObject({ type: 'workload', name: 'child', asn: CHILD_AS, passive: true });
  using session = await openNeighbour(
    workload,
    { host: PEERING, localAddress: theirs },
    { asn: CHILD_AS, routerId: theirs, holdTime: 90, families: ['ipv4', 'ipv6'] },
  );
  session.announce([{ prefix: '10.123.0.0/26', attributes: { origin: 0, asPath: [[CHILD_AS]], nextHop: theirs } }]);
  await waitFor(() => session.routes.get('10.244.1.0/26'), { what: 'the block' });
  expect(session.routes.get('10.244.1.0/26')?.nextHop).toBe(PEERING);
  await waitFor(() => node.ip<{ gateway?: string }>('route', 'show', '10.123.0.0/26'), {
    what: 'the route of the workload',
    accept: ([route]) => route?.gateway === theirs,
  });

  rmSync(join(directory, 'default%2Frouter'));
  await waitFor(() => node.peers(), { what: 'the end of the peer', accept: ({ length }) => length === 0 });
});
