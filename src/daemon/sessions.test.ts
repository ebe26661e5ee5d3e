import { afterEach, describe, expect, it } from 'vitest';
import { judge } from '../../test/support/policy-asking.ts';
import { loopbackAddress, testEnvironment } from '../../test/support/session-peers.ts';
import type { Negotiated } from '../bgp/fsm/negotiate.ts';
import { clusterView } from '../resources/cluster-view.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { desiredState } from './desired-state.ts';
import type { DesiredState } from './desired-state.ts';
import { EventLog } from '../process/event-log.ts';
import { Sessions } from './sessions.ts';
import { Speaker } from './speaker.ts';
import { NO_MEMORY } from './transition.ts';
import type { TransitionPlan } from './transition.ts';

const ADDRESS = loopbackAddress();

/** What node n1 is to do with one pool and, unless it is wanted no more, one neighbour that never answers. */
function wanted(pool: object, peer?: object): DesiredState {
  const resources = [
    { kind: 'Node', name: 'n1', spec: { bgp: { ipv4Address: '10.94.0.1/24' } } },
    { kind: 'IPPool', name: 'pods', spec: { cidr: '10.95.0.0/16', ...pool } },
    ...(peer === undefined
      ? []
      : [{ kind: 'BGPPeer', name: 'b', spec: { peerIP: `${ADDRESS}:1`, asNumber: 65_001, ...peer } }]),
  ].map(({ kind, name, spec }) => {
    const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return parsed.resource;
  });
  return desiredState(
    clusterView(resources),
    { name: 'n1', namespace: 'kube-system' },
    { workloads: [], kernel: undefined },
  );
}

const NOTHING: TransitionPlan = {
  remove: [],
  settle: false,
  reset: [],
  change: [],
  add: [],
  postponed: new Map(),
  takeIdentity: true,
  memory: NO_MEMORY,
};

const NEGOTIATED: Negotiated = {
  peerAs: 65_001,
  peerRouterId: 2,
  holdTime: 90,
  keepaliveTime: 30,
  families: [0],
  addPaths: { send: [], receive: [] },
  fourOctetAs: true,
  extendedMessage: false,
  routeRefresh: true,
  enhancedRouteRefresh: false,
  gracefulRestart: {
    name: 'graceful-restart',
    restarting: false,
    notification: false,
    restartTime: 120,
    families: [{ afi: 1, safi: 1, forwarding: true }],
  },
  external: true,
  peerCapabilities: [],
};

let sessions: Sessions;

/** Sessions with that one neighbour. */
async function withNeighbour(): Promise<() => boolean> {
  sessions = new Sessions({
    events: new EventLog(() => 0),
    environment: testEnvironment(),
    speaker: new Speaker({ self: { routerId: 1, clusterId: 1 }, flushForwarding: () => {} }),
    holdDown: () => {},
    onProgress: () => {},
  });
  await sessions.apply(wanted({}, {}), { ...NOTHING, add: [`${ADDRESS}:1`] });
  return () => judge(sessions.find(ADDRESS)!.policies.export, '10.95.1.0/26').accepted;
}

afterEach(() => sessions.removeAll([...sessions.all.keys()], 'deconfigured', 'the test is over'));

describe('a session that goes on although nobody wants it, or as it is', () => {
  it('is told routes by the pools there are now', async () => {
    const isTold = await withNeighbour();
    expect(isTold()).toBe(true);
    await sessions.apply(wanted({ disableBGPExport: true }), NOTHING);
    expect(isTold()).toBe(false);
    await sessions.apply(wanted({}, { localASNumber: 65_009 }), NOTHING);
    expect(isTold()).toBe(true);
    expect(sessions.find(ADDRESS)?.neighbour.localAs).toBe(64_512);
  });

  it('counts as up while routes are kept for a neighbour that restarts', async () => {
    await withNeighbour();
    const session = sessions.find(ADDRESS)!;
    const isUp = () => sessions.running.get(`${ADDRESS}:1`)?.up;
    expect(isUp()).toBe(false);
    session.established(NEGOTIATED);
    session.down({ kind: 'connection-lost', words: 'the connection was lost' });
    expect(isUp()).toBe(true);
    session.adminDown(undefined);
    expect(isUp()).toBe(false);
  });

  it('is told what it was where the resources know this node no more', async () => {
    const isTold = await withNeighbour();
    const unknown = { ...wanted({ disableBGPExport: true }), policiesOf: undefined };
    await sessions.apply(unknown, NOTHING);
    expect(isTold()).toBe(true);
  });
});
