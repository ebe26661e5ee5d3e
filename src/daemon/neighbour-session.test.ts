import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { wantedNeighbour } from '../../test/support/wanted-neighbour.ts';
import type { DownReason } from '../bgp/fsm/effect.ts';
import type { Negotiated } from '../bgp/fsm/negotiate.ts';
import { decodeAttributes, encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { ReadBudget } from '../bgp/session/read-budget.ts';
import { parsePrefix } from '../net/prefix.ts';
import { exportPolicy, importPolicy } from '../../test/support/policy-asking.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import type { LocalPrefScale } from '../rib/local-preference.ts';
import { EventLog } from '../process/event-log.ts';
import type { Policies } from './neighbour-policies.ts';
import { NeighbourSession } from './neighbour-session.ts';
import { Speaker } from './speaker.ts';

const NEIGHBOUR = wantedNeighbour({ localAddress: '192.0.2.1' });

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
    restarting: true,
    notification: false,
    restartTime: 120,
    families: [{ afi: 1, safi: 1, forwarding: true }],
  },
  external: true,
  peerCapabilities: [],
};

const POLICIES: Policies = {
  import: importPolicy([]),
  export: exportPolicy({}),
  localPref: { scale: 'plain', follows: true, normalMetric: [1024, 1024] },
};

function neighbourSession(
  speaker: Speaker,
  more: Partial<ConstructorParameters<typeof NeighbourSession>[0]> = {},
): NeighbourSession {
  return new NeighbourSession({
    neighbour: NEIGHBOUR,
    policies: POLICIES,
    self: speaker.rib.self,
    speaker,
    events: new EventLog(() => 0),
    environment: { kernel: undefined, readBudget: new ReadBudget(), random: () => 0.5, log: () => {} },
    ownRestart: { restarting: false, forwarding: false },
    addedAt: 0,
    onKey: () => {},
    onProgress: () => {},
    holdDown: () => {},
    ...more,
  });
}

/** A neighbour that has told one route and lost its connection, and when packets were to avoid it. */
async function lostNeighbour(
  negotiated = NEGOTIATED,
  kind: DownReason['kind'] = 'connection-lost',
): Promise<{ speaker: Speaker; session: NeighbourSession; avoided: string[] }> {
  const avoided: string[] = [];
  const speaker = new Speaker({ self: { routerId: 1, clusterId: 1 }, flushForwarding: () => {} });
  const session = neighbourSession(speaker, {
    holdDown: (address, down) => {
      const routes = speaker.rib.tables[0].prefixes.count;
      avoided.push(`${address} ${down ? 'avoided' : 'as usual'} with ${routes} routes in the RIB`);
    },
  });
  session.established(negotiated);
  const path = [{ type: 'sequence' as const, asns: [65_001] }];
  const attributes = encodeAttributes({ ...PLAIN_ATTRIBUTES, asPath: path, nextHop: '192.0.2.2' }, 0);
  const body = Uint8Array.of(0, 0, attributes.length >> 8, attributes.length & 255, ...attributes, 16, 10, 1);
  session.update(body, 0, body.length);
  await speaker.settled();
  session.down({ kind, words: 'the session ended' });
  await speaker.settled();
  return { speaker, session, avoided };
}

describe('a neighbour that comes back', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => vi.useRealTimers());

  it('finds its routes as they were: none is decided anew before it says something else', async () => {
    const { speaker, session } = await lostNeighbour();
    expect(speaker.rib.peers.accepted[0][session.peer]).toBe(1);
    session.established(NEGOTIATED);
    expect(speaker.rib.hasWork).toBe(false);
    expect(session.kept).toMatchObject({ stale: 1, awaits: 'end-of-rib' });
  });

  it('has them decided anew if it is another router', async () => {
    const { speaker, session } = await lostNeighbour();
    session.established({ ...NEGOTIATED, peerRouterId: 3 });
    expect(speaker.rib.hasWork).toBe(true);
    expect(speaker.rib.peers.routerId[session.peer]).toBe(3);
  });
});

describe('a neighbour that is lost', () => {
  const WITHOUT_RESTART = { ...NEGOTIATED, gracefulRestart: undefined };

  it.each(['connection-lost', 'hold-timer-expired', 'send-hold-timer-expired'] as const)(
    'is avoided until its routes are gone (%s)',
    async (kind) => {
      const { avoided } = await lostNeighbour(WITHOUT_RESTART, kind);
      expect(avoided).toEqual([
        '192.0.2.2 avoided with 1 routes in the RIB',
        '192.0.2.2 as usual with 0 routes in the RIB',
      ]);
    },
  );

  it('is not avoided while its routes are kept, nor where it said goodbye', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    expect((await lostNeighbour()).avoided).toEqual([]);
    vi.useRealTimers();
    expect((await lostNeighbour(WITHOUT_RESTART, 'notification-received')).avoided).toEqual([]);
  });
});

/** A speaker with a route of its own and an internal neighbour, and what it has to tell. */
function internalSpeaker(
  scale: LocalPrefScale,
  prefix: string,
): { speaker: Speaker; session: NeighbourSession; said: Uint8Array[] } {
  const speaker = new Speaker({ self: { routerId: 1, clusterId: 1 }, flushForwarding: () => {} });
  const neighbour: Neighbour = { ...NEIGHBOUR, peerAs: 65_000, external: false };
  const policies = { ...POLICIES, localPref: { scale, follows: true, normalMetric: [1024, 1024] } } as const;
  const session = neighbourSession(speaker, { neighbour, policies });
  session.established({ ...NEGOTIATED, peerAs: 65_000, external: false, gracefulRestart: undefined });
  const said: Uint8Array[] = [];
  speaker.sinks[session.peer] = { send: (bytes) => said.push(bytes) > 0 };
  const block = encodeAttributes(PLAIN_ATTRIBUTES, 0);
  const set = speaker.rib.sets.acquire(block, 0, block.length);
  speaker.rib.originate(parsePrefix(prefix), set);
  speaker.kick();
  return { speaker, session, said };
}

/** What a neighbour was told goes to its session. */
function hear(session: NeighbourSession, said: readonly Uint8Array[]): void {
  for (const bytes of said) {
    for (let at = 0; at < bytes.length;) {
      const end = at + ((bytes[at + 16] << 8) | bytes[at + 17]);
      session.update(bytes, at + 19, end);
      at = end;
    }
  }
}

describe('LOCAL_PREF of neighbours that follow each other', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

  it('comes to one scale, that of metrics, even if what they say crosses on the way', async () => {
    const one = internalSpeaker('metric', '10.244.1.0/26');
    const other = internalSpeaker('plain', '10.244.2.0/26');
    let rounds = 0;
    for (; rounds < 10; rounds++) {
      await turn();
      const [fromOne, fromOther] = [one.said.splice(0), other.said.splice(0)];
      if (fromOne.length + fromOther.length === 0) break;
      hear(one.session, fromOther);
      hear(other.session, fromOne);
    }
    expect(rounds).toBeLessThan(5);
    for (const { speaker, session } of [one, other]) {
      const { tables, sets } = speaker.rib;
      const row = tables[0].peer.indexOf(session.peer);
      expect(sets.localPref[tables[0].received[row]]).toBe(2_147_482_623);
    }
  });
});

describe('another cluster id of this node', () => {
  const pools = [{ name: 'pods', prefix: parsePrefix('10.0.0.0/8'), disableBGPExport: false }];
  const policies = { ...POLICIES, export: exportPolicy({ pools }) };
  const INTERNAL = { ...NEGOTIATED, peerAs: 65_000, external: false, gracefulRestart: undefined };
  const routes = [
    ['10.1.0.0/16', '0.0.0.8'],
    ['10.2.0.0/16', '0.0.0.7'],
  ] as const;

  it('is followed by sessions that go on: what was a loop, and who is told what', async () => {
    const speaker = new Speaker({ self: { routerId: 1, clusterId: 7 }, flushForwarding: () => {} });
    const sessions = ['192.0.2.2', '192.0.2.3'].map((address) => {
      const neighbour = { ...NEIGHBOUR, key: address, address, peerAs: 65_000, external: false, reflectorClient: true };
      const session = neighbourSession(speaker, { neighbour: { ...neighbour, clusterId: 7 }, policies });
      session.established(INTERNAL);
      speaker.sinks[session.peer] = { send: () => true };
      return session;
    });
    const [teller, hearer] = sessions;
    for (const [prefix, clusterId] of routes) {
      const more = { clusterList: [clusterId], originatorId: '0.0.0.5', localPref: 100, nextHop: '192.0.2.2' };
      const attributes = encodeAttributes({ ...PLAIN_ATTRIBUTES, ...more }, 0);
      const nlri = [16, 10, Number(prefix.split('.')[1])];
      const body = Uint8Array.of(0, 0, attributes.length >> 8, attributes.length & 255, ...attributes, ...nlri);
      teller.update(body, 0, body.length);
    }
    /** Clusters that each route has come through as the other one is told it, undefined where it is not told. */
    const told = async (): Promise<(readonly string[] | undefined)[]> => {
      await speaker.settled();
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      const { sets, tables } = speaker.rib;
      return routes.map(([text]) => {
        const prefix = tables[0].prefixes.find(...parsePrefix(text).words, 16);
        const [path] = speaker.advertising.told(hearer.peer, 0, prefix).paths;
        if (path === undefined) return undefined;
        const start = sets.offset[path.set];
        return decodeAttributes(sets.arena, start, start + sets.length[path.set]).clusterList;
      });
    };
    expect(await told()).toEqual([['0.0.0.7', '0.0.0.8'], undefined]);
    speaker.rib.self = { routerId: 1, clusterId: 8 };
    for (const session of sessions) session.changePolicy({ ...session.neighbour, clusterId: 8 }, policies);
    expect(await told()).toEqual([undefined, ['0.0.0.8', '0.0.0.7']]);
    // It is no reflector any more.
    speaker.rib.self = { routerId: 1, clusterId: 1 };
    for (const session of sessions) {
      const { clusterId, ...neighbour } = session.neighbour;
      expect(clusterId).toBe(8);
      session.changePolicy({ ...neighbour, reflectorClient: false }, policies);
    }
    expect(await told()).toEqual([undefined, undefined]);
    expect(speaker.rib.peers.accepted[0][teller.peer]).toBe(2);
  });
});

it('an edited import filter is followed by the session that goes on, for what it told already', async () => {
  const { speaker, session } = internalSpeaker('plain', '10.244.1.0/26');
  const attributes = encodeAttributes({ ...PLAIN_ATTRIBUTES, localPref: 100, nextHop: '192.0.2.2' }, 0);
  const body = Uint8Array.of(0, 0, attributes.length >> 8, attributes.length & 255, ...attributes, 16, 10, 1);
  session.update(body, 0, body.length);
  const accepted = async (policies: Policies): Promise<number> => {
    session.changePolicy(session.neighbour, policies);
    await speaker.settled();
    return speaker.rib.peers.accepted[0][session.peer];
  };
  const missing = importPolicy([{ name: 'gone', spec: undefined }]);
  expect(await accepted({ ...POLICIES, import: missing })).toBe(0);
  expect(await accepted(POLICIES)).toBe(1);
});
