/** Two daemons that find each other by one BGPPeer: the one it is about, and the one that peers back. */
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createScratch } from '../support/scratch.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { TestNode, block, linkAddresses, resource } from './daemon-fixture.ts';

const REFLECTOR_PORT = 1179;

it('brings up the session of a node with a reflector that a peerSelector selects, from one BGPPeer', async (ctx) => {
  requireOrSkip(ctx, { root: true, programs: ['ip', 'nsenter', 'setpriv'] });
  using scratch = createScratch('reflector');
  await using node = new TestNode();
  const far = node.addLink(1);
  const { theirs } = linkAddresses(1);
  node.writeBasics();
  const bgp = { ipv4Address: `${theirs}/24`, routeReflectorClusterID: '10.0.0.1' };
  const toReflectors = {
    nodeSelector: '!has(rr)',
    peerSelector: 'has(rr)',
    password: { secretKeyRef: { name: 'bgp', key: 'rr' } },
  };
  node.write('reflector.yaml', resource('Node', 'reflector', { bgp }, { rr: 'yes' }));
  node.write(
    'all.yaml',
    resource('BGPConfiguration', 'node.reflector', { listenPort: REFLECTOR_PORT }),
    resource('BGPPeer', 'to-reflectors', toReflectors),
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bgp' }, stringData: { rr: 'a password' } },
    block('10.244.1.0/26'),
  );
  const datastore = { type: 'file', file: { path: node.resources }, endpointStatusPath: '', cache: '' };
  const api = { socket: `${scratch.path}/api.sock`, http: '' };
  const config = scratch.write(
    'starlingd.yaml',
    stringify({ nodeName: 'reflector', datastore, api, fib: { enabled: false } }),
  );
  await using _reflector = node.launch(config, far);
  await node.startDaemon();
  await node.established(`${theirs}:${REFLECTOR_PORT}`);
  expect(await node.peer(theirs)).toMatchObject({
    type: 'node',
    name: 'reflector',
    session: 'internal',
  });

  const { code, out } = await node.starling('peer', 'explain', 'reflector');
  expect(code).toBe(0);
  expect(out).toContain(
    'BGPPeer "to-reflectors" makes the nodes that match !has(rr) peer with the nodes that match has(rr)',
  );
  expect(out).toContain('It is off: nodeToNodeMeshEnabled');

  // Without its label the reflector is nobody's any more: that is told, and not followed unasked.
  node.replace('reflector.yaml', resource('Node', 'reflector', { bgp }));
  await waitFor(() => node.problems(), {
    what: 'the problem',
    accept: (words) => words.includes('BGPPeer to-reflectors: peerSelector: No node that it selects is a neighbour'),
  });
  expect(await node.peer(theirs)).toMatchObject({ state: 'Established' });
});
