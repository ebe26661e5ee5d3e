/**
 * Route reflection (RFC 4456) and ADD-PATH (RFC 7911) with real routers: as the client of a Starling reflector, as the
 * reflector of a Starling client, and as a second reflector of the same cluster.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { RouteEntry } from '../../src/api/route-types.ts';
import { run } from '../support/processes.ts';
import { openNeighbour } from '../support/neighbour.ts';
import type { TestSession } from '../support/neighbour.ts';
import { startBird } from '../support/routers/bird.ts';
import { startFrrWithZebra } from '../support/routers/frr.ts';
import { startGobgpd } from '../support/routers/gobgpd.ts';
import type { NeighbourConfig, Router, RouterConfig, StartRouter } from '../support/routers/router.ts';
import { startStarling } from '../support/routers/starling.ts';
import type { StarlingRouter } from '../support/routers/starling.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { FAR, MIDDLE, NEAR, createLine } from './line.ts';
import type { Line } from './line.ts';

const ASN = 64_512;
const BOTH = ['ipv4', 'ipv6'] as const;
const PREFIX = '203.0.113.0/24';
const PREFIX6 = '2001:db8:77::/48';

interface ReflectionPeer {
  readonly name: string;
  readonly programs: readonly string[];
  readonly start: StartRouter;
  /** Whether it writes routes to the kernel. */
  readonly kernel: boolean;
}

const PEERS: readonly ReflectionPeer[] = [
  { name: 'BIRD', programs: ['bird', 'birdc'], start: startBird, kernel: true },
  { name: 'FRR', programs: ['vtysh'], start: startFrrWithZebra, kernel: true },
  { name: 'GoBGP', programs: ['gobgpd', 'gobgp'], start: startGobgpd, kernel: false },
];

/** A side of the line: the link by which the test's two clients are connected to a reflector, with their addresses. */
interface Side {
  readonly link: typeof NEAR;
  readonly device: 'near' | 'far';
  readonly clients: readonly [string, string];
  readonly clients6: readonly [string, string];
}

const SIDES: readonly Side[] = [
  { link: NEAR, device: 'near', clients: [NEAR.theirs, '10.88.2.3'], clients6: [NEAR.theirs6, '2001:db8:ffff:2::3'] },
  { link: FAR, device: 'far', clients: [FAR.theirs, '10.88.3.3'], clients6: [FAR.theirs6, '2001:db8:ffff:3::3'] },
];
const [NEAR_SIDE, FAR_SIDE] = SIDES;

function client(address: string, more: Partial<NeighbourConfig> = {}): NeighbourConfig {
  return { address, asn: ASN, families: BOTH, client: true, ...more };
}

function clientsOf({ clients, link }: Side): NeighbourConfig[] {
  const local = { address: link.ours, address6: link.ours6 };
  return clients.map((address) => client(address, { passive: true, local }));
}

function starling(neighbours: readonly NeighbourConfig[], more: Partial<RouterConfig> = {}): RouterConfig {
  return { asn: ASN, routerId: MIDDLE.ours, address: MIDDLE.ours, address6: MIDDLE.ours6, neighbours, ...more };
}

function other(neighbours: readonly NeighbourConfig[], more: Partial<RouterConfig> = {}): RouterConfig {
  return { asn: ASN, routerId: MIDDLE.theirs, address: MIDDLE.theirs, address6: MIDDLE.theirs6, neighbours, ...more };
}

describe.each(PEERS)('$name', ({ start, programs, kernel }) => {
  const missing = missingHere({ root: true, programs: ['nsenter', 'setpriv', ...programs] });
  const reason = missing === undefined ? '' : ` (skipped: ${missing})`;

  describe.skipIf(missing !== undefined)(`and Starling${reason}`, () => {
    let line: Line;
    const running: AsyncDisposable[] = [];
    const sessions: TestSession[] = [];

    beforeAll(async () => {
      line = await createLine();
      for (const { device, clients, clients6 } of SIDES) {
        await run(['ip', '-n', line.test.name, 'address', 'add', `${clients[1]}/24`, 'dev', device]);
        await run(['ip', '-n', line.test.name, 'address', 'add', `${clients6[1]}/64`, 'dev', device, 'nodad']);
      }
    });
    afterAll(() => line?.[Symbol.dispose]());
    afterEach(async () => {
      for (const session of sessions.splice(0)) session[Symbol.dispose]();
      for (const router of running.splice(0)) await router[Symbol.asyncDispose]();
    });

    async function started(ours: RouterConfig, theirs: RouterConfig): Promise<{ dut: StarlingRouter; peer: Router }> {
      const dut = await startStarling(ours, { namespace: line.dut });
      running.push(dut);
      const peer = await start(theirs, { namespace: line.peer });
      running.push(peer);
      return { dut, peer };
    }

    async function open(side: Side, which: 0 | 1): Promise<TestSession> {
      const session = await openNeighbour(
        line.test,
        { host: side.link.ours, localAddress: side.clients[which] },
        { asn: ASN, holdTime: 90, routerId: side.clients[which], families: BOTH },
      );
      sessions.push(session);
      return session;
    }

    /** Both prefixes with a next hop that is that client's address on a side. */
    function announce(session: TestSession, side: Side, which: 0 | 1): void {
      const common = { origin: 0 as const, asPath: [], localPref: 100 };
      session.announce([
        { prefix: PREFIX, attributes: { ...common, nextHop: side.clients[which] } },
        { prefix: PREFIX6, attributes: { ...common, nextHop: side.clients6[which] } },
      ]);
    }

    async function received(dut: StarlingRouter, prefix: string, view = 'received'): Promise<readonly RouteEntry[]> {
      const path = `/api/v1/routes?view=${view}&prefix=${encodeURIComponent(prefix)}`;
      return (await dut.api<{ routes: RouteEntry[] }>('GET', path)).routes;
    }

    it('gets both paths of a prefix from a Starling reflector, and uses both', async () => {
      const { dut, peer } = await started(
        starling([client(MIDDLE.theirs), ...clientsOf(NEAR_SIDE)]),
        other([{ ...client(MIDDLE.ours), client: false, addPaths: true }], kernel ? { kernel } : {}),
      );
      const clients = [await open(NEAR_SIDE, 0), await open(NEAR_SIDE, 1)];
      for (const [i, session] of clients.entries()) announce(session, FAR_SIDE, i === 0 ? 0 : 1);
      const has = (text: string, hops: readonly string[]): boolean => hops.every((hop) => text.includes(hop));
      for (const [prefix, hops] of [
        [PREFIX, FAR_SIDE.clients],
        [PREFIX6, FAR_SIDE.clients6],
      ] as const) {
        const text = await waitFor(() => peer.paths!(prefix), {
          what: `both paths to ${prefix}`,
          timeoutMs: 30_000,
          accept: (answer) => has(answer, hops),
        });
        // Each has who originated it, and the cluster that reflected it (RFC 4456 §8).
        expect(has(text, [...NEAR_SIDE.clients, MIDDLE.ours])).toBe(true);
      }
      const advertised = await received(dut, PREFIX, `advertised&peer=${MIDDLE.theirs}`);
      expect(new Set(advertised.map(({ nextHop }) => nextHop))).toEqual(new Set(FAR_SIDE.clients));
      expect(new Set(advertised.map(({ pathId }) => pathId)).size).toBe(2);
      if (kernel) {
        await waitFor(() => run(['ip', '-n', line.peer.name, 'route', 'show', PREFIX]), {
          what: 'a route over both next hops',
          accept: (text) => has(text, FAR_SIDE.clients),
        });
      }
      // To those that did not ask for it the best path goes alone.
      await waitFor(() => clients.map(({ routes }) => routes.size), {
        what: 'the best path at the other client',
        accept: ([first, second]) => first === 0 && second === 2,
      });
      clients[0].withdraw([PREFIX, PREFIX6]);
      for (const [prefix, hops] of [
        [PREFIX, FAR_SIDE.clients],
        [PREFIX6, FAR_SIDE.clients6],
      ] as const) {
        await waitFor(() => peer.paths!(prefix), {
          what: `the withdrawal of one path to ${prefix}`,
          accept: (text) => !has(text, [hops[0]]) && has(text, [hops[1]]),
        });
      }
    });

    it('tells Starling both paths of a prefix as its reflector', async () => {
      const { dut } = await started(
        starling([{ ...client(MIDDLE.theirs), client: false }]),
        other([client(MIDDLE.ours, { addPaths: true }), ...clientsOf(FAR_SIDE)]),
      );
      const clients = [await open(FAR_SIDE, 0), await open(FAR_SIDE, 1)];
      for (const [i, session] of clients.entries()) announce(session, FAR_SIDE, i === 0 ? 0 : 1);
      for (const [prefix, hops] of [
        [PREFIX, FAR_SIDE.clients],
        [PREFIX6, FAR_SIDE.clients6],
      ] as const) {
        const routes = await waitFor(() => received(dut, prefix, 'accepted'), {
          what: `both paths to ${prefix}`,
          timeoutMs: 30_000,
          accept: ({ length }) => length === 2,
        });
        expect(new Set(routes.map(({ nextHop }) => nextHop))).toEqual(new Set(hops));
        expect(new Set(routes.map(({ pathId }) => pathId)).size).toBe(2);
        expect(routes.every(({ multipath }) => multipath)).toBe(true);
      }
      clients[0].withdraw([PREFIX]);
      await waitFor(() => received(dut, PREFIX, 'accepted'), {
        what: 'the withdrawal of one path',
        accept: (routes) => routes.length === 1 && routes[0].nextHop === FAR_SIDE.clients[1],
      });
    });

    it('is a second reflector of the same cluster: no loop, and each tells the clients alone', async () => {
      const cluster = { clusterId: '10.255.255.255' };
      const { dut, peer } = await started(
        starling([client(MIDDLE.theirs), ...clientsOf(NEAR_SIDE)], cluster),
        other([client(MIDDLE.ours), ...clientsOf(FAR_SIDE)], cluster),
      );
      const teller = [await open(NEAR_SIDE, 0), await open(FAR_SIDE, 0)];
      const hearer = [await open(NEAR_SIDE, 1), await open(FAR_SIDE, 1)];
      // GoBGP takes the route of the other reflector although it is of its own cluster (RFC 4456 §8), and where that one comes
      // first it tells its clients none: so its own client's does.
      for (const i of [1, 0]) {
        const session = hearer[i];
        announce(teller[i], SIDES[i], 0);
        await waitFor(() => session.routes.size, {
          what: 'both routes',
          timeoutMs: 30_000,
          accept: (size) => size === 2,
        });
        const { clusterList, originatorId, nextHop } = session.routes.get(PREFIX)!;
        expect({ clusterList, originatorId, nextHop }).toEqual({
          clusterList: ['10.255.255.255'],
          originatorId: SIDES[i].clients[0],
          nextHop: SIDES[i].clients[0],
        });
      }
      await waitFor(() => dut.neighbour(MIDDLE.theirs), {
        what: 'their session',
        accept: ({ established }) => established,
      });
      // What the other reflector told has come round in the cluster.
      const looped = await waitFor(() => received(dut, PREFIX, 'rejected'), {
        what: 'the route of the other reflector',
        accept: ({ length }) => length === 1,
      });
      expect(looped[0].rejectedReason).toContain('CLUSTER_LIST holds our cluster id 10.255.255.255');
      await peer[Symbol.asyncDispose]();
      running.pop();
      await waitFor(() => received(dut, PREFIX, 'rejected'), { what: 'its end', accept: ({ length }) => length === 0 });
      expect(hearer[0].routes.size).toBe(2);
    });
  });
});
