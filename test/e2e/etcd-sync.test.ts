/** What the etcd datastore reads and writes while nothing goes wrong, with a real etcd. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createScratch } from '../support/scratch.ts';
import { startEtcd } from '../support/etcd.ts';
import type { Etcd } from '../support/etcd.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { NODE, emptyEtcd, nodeKey, peer, peerKey, runSynced } from './etcd-fixture.ts';

const NEEDS = { programs: ['etcd'] };
const AFFINITIES = '/calico/ipam/v2/host';

let etcd: Etcd;
const scratch = createScratch('etcd-sync');

beforeAll(async () => {
  if (missingHere(NEEDS) === undefined) etcd = await startEtcd({ directory: scratch.path });
});

beforeEach(async (ctx) => {
  requireOrSkip(ctx, NEEDS);
  await emptyEtcd(etcd);
});

afterAll(async () => {
  await etcd?.[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

describe('what is read', () => {
  it('is a snapshot, then changes', async () => {
    await etcd.put(peerKey('a'), peer('a'));
    await using running = await runSynced({ endpoints: [etcd.url] });
    expect(running.recorder.peers).toEqual(['a 64513']);
    await etcd.put(peerKey('b'), peer('b', 1));
    await etcd.put(peerKey('a'), peer('a', 2));
    await running.hasPeers('a 2', 'b 1');
    await etcd.delete(peerKey('a'));
    await running.hasPeers('b 1');
    expect(running.recorder.snapshots).toBe(1);
    expect(running.recorder.changed).toEqual(['BGPPeer b', 'BGPPeer a', '-BGPPeer a']);
  });

  it('is told together where it changed together', async () => {
    await using running = await runSynced({ endpoints: [etcd.url] });
    await etcd.putAll(Object.fromEntries(['a', 'b', 'c'].map((name) => [peerKey(name), peer(name)])));
    await running.hasPeers('a 64513', 'b 64513', 'c 64513');
    expect(running.recorder.changed).toHaveLength(3);
  });

  it('is nothing new where only what is not read of an object has changed', async () => {
    await etcd.put(peerKey('a'), peer('a'));
    await using running = await runSynced({ endpoints: [etcd.url] });
    await etcd.put(peerKey('a'), { ...peer('a'), metadata: { name: 'a', resourceVersion: '7' } });
    await etcd.put(peerKey('b'), peer('b'));
    await running.hasPeers('a 64513', 'b 64513');
    expect(running.recorder.changed).toEqual(['BGPPeer b']);
  });

  it('are the block affinities of this node only, confirmed where they are empty', async () => {
    await etcd.put(`${AFFINITIES}/${NODE}/ipv4/block/10.0.1.0-26`, '');
    await etcd.put(`${AFFINITIES}/${NODE}/ipv6/block/fd00:10::-122`, { state: 'pending', deleted: false });
    await etcd.put(`${AFFINITIES}/${NODE}0/ipv4/block/10.0.2.0-26`, '');
    await etcd.put(`${AFFINITIES}/other/ipv4/block/10.0.3.0-26`, '');
    await using running = await runSynced({ endpoints: [etcd.url] });
    const affinities = () =>
      running.recorder.view.list('BlockAffinity').map(({ spec }) => `${spec.node} ${spec.cidr} ${spec.state}`);
    expect(affinities()).toEqual([`${NODE} 10.0.1.0/26 `, `${NODE} fd00:10::/122 pending`]);
    await etcd.delete(`${AFFINITIES}/${NODE}/ipv4/block/10.0.1.0-26`);
    await waitFor(() => affinities().length === 1, { what: 'the affinity to go' });
    expect(running.recorder.problems).toEqual([]);
  });

  it('is for policies what they need, endpoints by what their keys say', async () => {
    const key = (rest: string) => `/calico/resources/v3/projectcalico.org/${rest}`;
    const of = (kind: string, name: string, spec: object) => ({
      apiVersion: 'projectcalico.org/v3',
      kind,
      metadata: { name, namespace: 'x' },
      spec,
    });
    const endpoint = (address: string) =>
      of('WorkloadEndpoint', 'a', { node: 'n', interfaceName: 'cali1', ipNetworks: [`${address}/32`] });
    await etcd.put(key('networkpolicies/x/p'), of('NetworkPolicy', 'p', { selector: 'all()' }));
    await etcd.put(key('workloadendpoints/x/a'), endpoint('10.0.0.1'));
    await etcd.put(peerKey('b'), peer('b', 1));
    await using running = await runSynced({ endpoints: [etcd.url], purpose: 'policy' });
    const { recorder } = running;
    const addresses = () => recorder.view.list('WorkloadEndpoint').map(({ spec }) => spec.ipNetworks.join());
    expect(addresses()).toEqual(['10.0.0.1/32']);
    expect(recorder.view.list('NetworkPolicy')).toHaveLength(1);
    expect(recorder.view.list('BGPPeer')).toEqual([]);
    await etcd.put(key('workloadendpoints/x/a'), endpoint('10.0.0.2'));
    await waitFor(() => addresses().join() === '10.0.0.2/32', { what: 'the new address' });
    await etcd.put(key('workloadendpoints/x/a'), 'nonsense');
    await waitFor(() => recorder.problems.length > 0, { what: 'the problem' });
    expect(recorder.problems).toMatchObject([{ message: expect.stringContaining('stays in force') }]);
    expect(addresses()).toEqual(['10.0.0.2/32']);
    await etcd.delete(key('workloadendpoints/x/a'));
    await waitFor(() => addresses().length === 0, { what: 'the endpoint to go' });
    expect(recorder.problems).toEqual([]);
  });

  it('comes in pages of one revision', async () => {
    const names = Array.from({ length: 25 }, (_, i) => `p${String(i).padStart(2, '0')}`);
    await etcd.putAll(Object.fromEntries(names.map((name) => [peerKey(name), peer(name)])));
    await using running = await runSynced({ endpoints: [etcd.url] }, { pageSize: 3 });
    expect(running.recorder.peers).toEqual(names.map((name) => `${name} 64513`));
  });

  it('leaves out a bad object, and says where it is', async () => {
    await etcd.put(peerKey('a'), peer('a'));
    await etcd.put(peerKey('bad'), peer('bad', -1));
    await etcd.put(peerKey('broken'), '{"kind": "BGPPeer", "spec": {"pass');
    await using running = await runSynced({ endpoints: [etcd.url] });
    const messages = () => running.recorder.problems.map(({ source, message }) => `${source}: ${message}`);
    expect(running.recorder.peers).toEqual(['a 64513']);
    expect(messages()).toEqual([
      expect.stringMatching(/bgppeers\/bad: BGPPeer "bad": spec\.asNumber: /),
      expect.stringMatching(/bgppeers\/broken: is not JSON$/),
    ]);
    await etcd.put(peerKey('a'), peer('a', 'many'));
    await waitFor(() => messages().length === 3, { what: 'the third problem' });
    expect(running.recorder.peers).toEqual(['a 64513']);
    for (const name of ['a', 'bad', 'broken']) await etcd.put(peerKey(name), peer(name, 7));
    await running.hasPeers('a 7', 'bad 7', 'broken 7');
    expect(running.recorder.problems).toEqual([]);
  });

  it('are 10,000 objects in a few seconds', async () => {
    for (let block = 0; block < 100; block += 1) {
      const keys = Array.from({ length: 100 }, (_, i) => `${AFFINITIES}/${NODE}/ipv4/block/10.${block}.${i}.0-26`);
      await etcd.putAll(Object.fromEntries(keys.map((key) => [key, { state: 'confirmed', deleted: false }])));
    }
    const began = performance.now();
    await using running = await runSynced({ endpoints: [etcd.url] });
    expect(running.recorder.view.list('BlockAffinity')).toHaveLength(10_000);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('says of each source where it stands', async () => {
    await etcd.put(peerKey('a'), peer('a'));
    await using running = await runSynced({ endpoints: [etcd.url] });
    await waitFor(() => running.datastore.status.lagSeconds === 0, { what: 'the lag' });
    const { sources, revision, type } = running.datastore.status;
    expect(type).toBe('etcd');
    expect(Number(revision)).toBe(await etcd.revision());
    expect(sources.find(({ name }) => name === peerKey(''))).toEqual({
      name: peerKey(''),
      state: 'synced',
      since: expect.any(Number),
      connectedSince: expect.any(Number),
      reconnects: 0,
      revision,
      lagSeconds: 0,
    });
    expect(sources.every(({ state }) => state === 'synced')).toBe(true);
    expect(running.recorder.statuses.map(({ state }) => state)).toEqual(['synced']);
  });
});

describe('what is written', () => {
  it('is a Node, made where there is none', async () => {
    await using running = await runSynced({ endpoints: [etcd.url] });
    await running.datastore.writer.patchNode('new', { ipv4Address: '10.0.0.1/24', asNumber: 64_512 });
    const written: unknown = JSON.parse((await etcd.get(nodeKey('new'))) ?? '');
    expect(written).toMatchObject({
      apiVersion: 'projectcalico.org/v3',
      kind: 'Node',
      metadata: { name: 'new', uid: expect.any(String), creationTimestamp: expect.stringMatching(/^20.*Z$/) },
      spec: { bgp: { ipv4Address: '10.0.0.1/24', asNumber: 64_512 } },
    });
    await waitFor(() => running.recorder.view.get('Node', 'new'), { what: 'the Node to come back' });
  });

  it('leaves alone what it does not mean', async () => {
    const node = {
      kind: 'Node',
      apiVersion: 'projectcalico.org/v3',
      metadata: { name: 'n', labels: { a: 'b' } },
      spec: { bgp: { ipv4Address: '10.0.0.1/24', ipv6Address: 'fd00::1/64' }, orchRefs: [{ orchestrator: 'k8s' }] },
    };
    await etcd.put(nodeKey('n'), node);
    await using running = await runSynced({ endpoints: [etcd.url] });
    await running.datastore.writer.patchNode('n', { ipv4Address: '10.0.0.2/24', ipv6Address: null });
    const { orchRefs } = node.spec;
    expect(JSON.parse((await etcd.get(nodeKey('n'))) ?? '')).toEqual({
      ...node,
      spec: { bgp: { ipv4Address: '10.0.0.2/24' }, orchRefs },
    });
    const revision = await etcd.revision();
    await running.datastore.writer.patchNode('n', { ipv4Address: '10.0.0.2/24', ipv6Address: null });
    expect(await etcd.revision()).toBe(revision);
  });

  it('loses nothing where many write at a time', async () => {
    await using running = await runSynced({ endpoints: [etcd.url] });
    const { writer } = running.datastore;
    await Promise.all([
      ...Array.from({ length: 5 }, () => writer.patchNode('n', { ipv4Address: '10.0.0.1/24' })),
      ...Array.from({ length: 5 }, () => writer.patchNode('n', { asNumber: 64_512 })),
      writer.patchNode('n', { ipv6Address: 'fd00::1/64' }),
    ]);
    expect(JSON.parse((await etcd.get(nodeKey('n'))) ?? '')).toMatchObject({
      spec: { bgp: { ipv4Address: '10.0.0.1/24', ipv6Address: 'fd00::1/64', asNumber: 64_512 } },
    });
  });

  it('is not written over what can not be read', async () => {
    await etcd.put(nodeKey('n'), 'not JSON');
    await using running = await runSynced({ endpoints: [etcd.url] });
    await expect(running.datastore.writer.patchNode('n', { asNumber: 1 })).rejects.toMatchObject({
      code: 'DATASTORE_UNWRITABLE',
      message: `${nodeKey('n')} can't be written: what it holds is not a JSON object, and is not overwritten`,
    });
    expect(await etcd.get(nodeKey('n'))).toBe('not JSON');
  });

  it('is the status of a CalicoNodeStatus that there is', async () => {
    const key = `/calico/resources/v3/projectcalico.org/caliconodestatuses/${NODE}`;
    const wish = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'CalicoNodeStatus',
      metadata: { name: NODE },
      spec: { node: NODE, classes: ['BGP'], updatePeriodSeconds: 10 },
    };
    await using running = await runSynced({ endpoints: [etcd.url] });
    const { writer } = running.datastore;
    await expect(writer.writeNodeStatus(NODE, {})).rejects.toThrow(/there is no such CalicoNodeStatus/);
    await etcd.put(key, wish);
    const status = { lastUpdated: '2026-01-01T00:00:00Z', agent: { birdV4: { state: 'Ready' } } } as const;
    await writer.writeNodeStatus(NODE, status);
    expect(JSON.parse((await etcd.get(key)) ?? '')).toEqual({ ...wish, status });
    await waitFor(() => running.recorder.view.get('CalicoNodeStatus', NODE), { what: 'the wish' });
  });
});
