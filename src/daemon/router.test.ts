import { describe, expect, it } from 'vitest';
import { loopbackAddress, testEnvironment } from '../../test/support/session-peers.ts';
import { withWorkloads } from '../advertiser/originations.ts';
import { parsePrefix } from '../net/prefix.ts';
import { clusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { desiredState } from './desired-state.ts';
import { EventLog } from '../process/event-log.ts';
import { Router } from './router.ts';

const LIMITS = { guard: { enabled: true, maxLossPercent: 50, minSessions: 2 }, timeout: 120_000 };

function resource(kind: string, name: string, spec: object) {
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource;
}

/** What node n1 is to do with one block, and neighbours that never answer. */
function wanted(address: string, ...neighbours: readonly string[]) {
  const view = clusterView([
    resource('Node', 'n1', { bgp: { ipv4Address: `${address}/8` } }),
    resource('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false, bindMode: 'NodeIP', listenPort: 61_790 }),
    resource('IPPool', 'pods', { cidr: '10.95.0.0/16' }),
    resource('BlockAffinity', 'b', { cidr: '10.95.1.0/26', node: 'n1', state: 'confirmed', deleted: 'false' }),
    ...neighbours.map((peerIP) => resource('BGPPeer', peerIP, { peerIP: `${peerIP}:1`, asNumber: 65_001 })),
  ]);
  return desiredState(view, { name: 'n1', namespace: 'kube-system' }, { workloads: [], kernel: undefined });
}

function newRouter(): Router {
  return new Router({
    events: new EventLog(() => 0),
    environment: testEnvironment(),
    bestPath: {
      alwaysCompareMed: false,
      deterministicMed: true,
      missingMedWorst: false,
      compareRouterId: true,
      multipathRelax: true,
      maxPaths: 1,
    },
    limits: LIMITS,
    onIdentity: () => undefined,
    onProgress: () => undefined,
    kernel: undefined,
  });
}

describe('a router', () => {
  it('keeps routes of workloads that came since the resources, whatever else is looked at again', async () => {
    const router = newRouter();
    const state = wanted(loopbackAddress());
    await router.apply(state);
    router.originate(withWorkloads(state.advertisement, [parsePrefix('10.95.9.9/32')]).routes);
    await router.confirm();
    const own = ['10.95.1.0/26', '10.95.9.9/32'].filter((text) => {
      const { words, length } = parsePrefix(text);
      return router.rib.tables[0].prefixes.find(...words, length) !== 0;
    });
    expect(own).toEqual(['10.95.1.0/26', '10.95.9.9/32']);
    await router.stop(false);
  });

  it('leaves sessions alone that a change is not about, and finds them by address', async () => {
    const router = newRouter();
    const [own, one, other] = [loopbackAddress(), loopbackAddress(), loopbackAddress()];
    await router.apply(wanted(own, one, other));
    const before = router.find(one);
    expect(before?.neighbour.key).toBe(`${one}:1`);
    // Nothing is lost with a session that is not established.
    await router.apply(wanted(own, one));
    expect([router.find(one) === before, router.find(other), router.postponed.size]).toEqual([true, undefined, 0]);
    await router.stop(false);
  });
});
