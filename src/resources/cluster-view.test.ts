import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bgpSettings } from './bgp-settings.ts';
import { EMPTY_VIEW, applyChanges, clusterView } from './cluster-view.ts';
import type { Change } from './cluster-view.ts';
import type { AnyResource, Kind } from './kinds.ts';
import { parseResource } from './parse-resource.ts';

function resource(kind: string, name: string, spec: unknown): AnyResource {
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
}

const peer = (name: string, asNumber = 64513) => resource('BGPPeer', name, { peerIP: '192.0.2.1', asNumber });
const pool = resource('IPPool', 'pool', { cidr: '10.244.0.0/16' });

describe('the cluster view', () => {
  it('finds by name and lists sorted', () => {
    const view = clusterView([peer('b'), pool, peer('a-1'), peer('a')]);
    expect(view.get('BGPPeer', 'b')?.spec.asNumber).toBe(64513);
    expect(view.get('IPPool', 'b')).toBeUndefined();
    expect(view.list('BGPPeer').map(({ metadata }) => metadata.name)).toEqual(['a', 'a-1', 'b']);
    expect(EMPTY_VIEW.list('Node')).toEqual([]);
  });

  it('applies changes in order and leaves the view before them as it was', () => {
    const before = clusterView([peer('a'), peer('b')]);
    const after = applyChanges(before, [
      { type: 'upsert', resource: peer('b', 1) },
      { type: 'upsert', resource: peer('c') },
      { type: 'delete', kind: 'BGPPeer', name: 'c' },
      { type: 'delete', kind: 'BGPPeer', name: 'absent' },
      { type: 'delete', kind: 'BGPPeer', name: 'a' },
    ]);
    expect(after.list('BGPPeer').map(({ spec }) => spec.asNumber)).toEqual([1]);
    expect(before.list('BGPPeer').map(({ spec }) => spec.asNumber)).toEqual([64513, 64513]);
  });

  it('keeps the identity of what does not change', () => {
    const before = clusterView([peer('a'), pool]);
    const pools = before.list('IPPool');
    const after = applyChanges(before, [{ type: 'upsert', resource: peer('b') }]);
    expect(after.list('IPPool')).toBe(pools);
    expect(after.get('BGPPeer', 'a')).toBe(before.get('BGPPeer', 'a'));
    expect(applyChanges(after, [])).toBe(after);
  });

  it('notes which kinds are asked for', () => {
    const view = clusterView([peer('a'), pool]);
    const kinds = new Set<Kind>();
    const noting = view.noting(kinds);
    expect(noting.list('BGPPeer')).toBe(view.list('BGPPeer'));
    expect(noting.get('Node', 'absent')).toBeUndefined();
    expect([...kinds]).toEqual(['BGPPeer', 'Node']);
  });

  it('lists the same after changes one by one as when it is made of all at once', () => {
    const names = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 60 })), { maxLength: 60 });
    fc.assert(
      fc.property(names, (steps) => {
        let view = clusterView(Array.from({ length: 40 }, (_, i) => peer(`peer-${i}`)));
        for (const [add, number] of steps) {
          view.list('BGPPeer');
          const name = `peer-${number}`;
          const upsert: Change = { type: 'upsert', resource: peer(name, number + 1) };
          view = applyChanges(view, [add ? upsert : { type: 'delete', kind: 'BGPPeer', name }]);
        }
        expect(view.list('BGPPeer')).toEqual(clusterView(view.tables.get('BGPPeer')?.values() ?? []).list('BGPPeer'));
      }),
      { numRuns: 25 },
    );
  });
});

describe('bgpSettings', () => {
  it("has Calico's defaults without any BGPConfiguration", () => {
    expect(bgpSettings(EMPTY_VIEW)).toEqual({
      logSeverityScreen: 'Info',
      nodeToNodeMeshEnabled: true,
      asNumber: 64512,
      serviceLoadBalancerIPs: [],
      serviceExternalIPs: [],
      serviceClusterIPs: [],
      serviceLoadBalancerAggregation: 'Enabled',
      prefixAdvertisements: [],
      listenPort: 179,
      nodeMeshMaxRestartSeconds: 120,
      bindMode: 'None',
      ignoredInterfaces: [],
      ipv4NormalRoutePriority: 1024,
      ipv6NormalRoutePriority: 1024,
    });
  });

  it('lets a node differ where it may', () => {
    const view = clusterView([
      resource('BGPConfiguration', 'default', {
        asNumber: 64600,
        listenPort: 1790,
        communities: [{ name: 'tor', value: '64512:100' }],
        prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['64512:1:2'] }],
        serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
      }),
      resource('BGPConfiguration', 'node.a', {
        asNumber: 1,
        listenPort: 1791,
        prefixAdvertisements: [{ cidr: '10.1.0.0/16', communities: ['tor', 'unknown'] }],
      }),
      resource('BGPConfiguration', 'node.b', { listenPort: 0 }),
    ]);
    expect(bgpSettings(view, 'a')).toMatchObject({
      asNumber: 64600,
      listenPort: 1791,
      prefixAdvertisements: [{ cidr: '10.1.0.0/16', communities: ['64512:100'] }],
    });
    expect(bgpSettings(view, 'b')).toEqual(bgpSettings(view));
    expect(bgpSettings(view)).toMatchObject({
      listenPort: 1790,
      serviceClusterIPs: ['10.96.0.0/12'],
      prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['64512:1:2'] }],
    });
  });
});
