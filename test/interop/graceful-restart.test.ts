/** Graceful restart (RFC 4724) with real routers, each in both roles: they restart, and they help Starling to. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { PeerDetail } from '../../src/api/types.ts';
import type { TestSession } from '../support/neighbour.ts';
import { startBird } from '../support/routers/bird.ts';
import { startFrrWithZebra } from '../support/routers/frr.ts';
import { startGobgpd } from '../support/routers/gobgpd.ts';
import type { Router } from '../support/routers/router.ts';
import { startStarling } from '../support/routers/starling.ts';
import type { StarlingRouter } from '../support/routers/starling.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { MIDDLE, createLine, dutConfig, openFar, openNear, peerConfig } from './line.ts';
import type { Line, SessionPlan } from './line.ts';
import { FAR_ROUTES, NEAR_ROUTES } from './scene.ts';
import type { Peer } from './scene.ts';

type RestartPeer = Pick<Peer, 'name' | 'programs' | 'start'>;

const PEERS: readonly RestartPeer[] = [
  { name: 'BIRD', programs: ['bird', 'birdc'], start: startBird },
  { name: 'FRR', programs: ['vtysh'], start: startFrrWithZebra },
  { name: 'GoBGP', programs: ['gobgpd', 'gobgp'], start: startGobgpd },
];

/** Seconds: more than any of them takes to come back, and little enough to wait for. */
const LONG = 40;
const SHORT = 3;

/** Of the routes of each end, those that are announced once more after a restart. */
const AGAIN = 900;

/** The line of four at work: the test, the peer, Starling, the test. */
class RestartScene implements AsyncDisposable {
  dut!: StarlingRouter;
  peer!: Router;
  near!: TestSession;
  far!: TestSession;
  private readonly line: Line;
  private readonly plan: SessionPlan;
  private readonly kind: RestartPeer;

  static async start(line: Line, kind: RestartPeer, restartTime: number): Promise<RestartScene> {
    const scene = new RestartScene(line, kind, restartTime);
    await scene.startDut();
    await scene.startPeer(false);
    await scene.openNear();
    await scene.openFar();
    await scene.up();
    await waitFor(() => [scene.near.routes.size, scene.far.routes.size], {
      what: 'all routes at both ends',
      timeoutMs: 30_000,
      accept: ([near, far]) => near === FAR_ROUTES.length && far === NEAR_ROUTES.length,
    });
    return scene;
  }

  constructor(line: Line, kind: RestartPeer, restartTime: number) {
    this.line = line;
    this.kind = kind;
    this.plan = { dutAsn: 65_010, peerAsn: 65_020, connects: 'both', restartTime };
  }

  async startDut(): Promise<void> {
    this.dut = await startStarling(dutConfig(this.plan), { namespace: this.line.dut });
  }

  async startPeer(restarted: boolean): Promise<void> {
    this.peer = await this.kind.start({ ...peerConfig(this.plan), restarted }, { namespace: this.line.peer });
  }

  async openNear(count = NEAR_ROUTES.length): Promise<void> {
    this.near = await openNear(this.line, this.plan);
    this.near.announce(NEAR_ROUTES.slice(0, count));
    this.near.endOfRib();
  }

  async openFar(count = FAR_ROUTES.length): Promise<void> {
    this.far = await openFar(this.line, this.plan);
    this.far.announce(FAR_ROUTES.slice(0, count));
    this.far.endOfRib();
  }

  /** Waits until both routers say that the session between them is established. */
  async up(): Promise<void> {
    const sides = async () => [await this.dut.neighbour(MIDDLE.theirs), await this.peer.neighbour(MIDDLE.ours)];
    await waitFor(sides, {
      what: 'the session between the routers',
      timeoutMs: 40_000,
      accept: (views) => views.every(({ established }) => established),
    });
  }

  /** Ends Starling, with the session of the test behind it. */
  async endDut(signal: NodeJS.Signals): Promise<void> {
    this.near[Symbol.dispose]();
    this.dut.process.signal(signal);
    await this.dut.process.ended;
    await waitFor(() => this.peer.neighbour(MIDDLE.ours), {
      what: 'the peer to notice',
      accept: ({ established }) => !established,
    });
    await this.dut[Symbol.asyncDispose]();
  }

  /** Ends the peer at once, with the session of the test behind it; what Starling says of it then. */
  async endPeer(): Promise<PeerDetail> {
    this.far[Symbol.dispose]();
    this.peer.process.signal('SIGKILL');
    await this.peer.process.ended;
    const peer = await waitFor(() => this.dut.api<PeerDetail>('GET', `/api/v1/peers/${MIDDLE.theirs}`), {
      what: 'Starling to notice',
      accept: ({ state }) => state !== 'Established',
    });
    await this.peer[Symbol.asyncDispose]();
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.near?.[Symbol.dispose]();
    this.far?.[Symbol.dispose]();
    await this.dut?.[Symbol.asyncDispose]();
    await this.peer?.[Symbol.asyncDispose]();
  }
}

/** Waits until a session has so many routes. */
async function has(session: TestSession, count: number, timeoutMs = 30_000): Promise<void> {
  await waitFor(() => session.routes.size, { what: `${count} routes`, timeoutMs, accept: (size) => size === count });
}

describe.each(PEERS)('graceful restart with $name', (kind) => {
  const needs = { root: true, programs: ['nsenter', 'setpriv', ...kind.programs] } as const;
  let line: Line;
  beforeAll(async () => {
    if (missingHere(needs) === undefined) line = await createLine();
  });
  afterAll(() => line?.[Symbol.dispose]());
  beforeEach((ctx) => requireOrSkip(ctx, needs));

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'keeps our routes over our end by %s and our next start, but for those we no longer have',
    async (signal) => {
      await using scene = await RestartScene.start(line, kind, LONG);
      await scene.endDut(signal);
      expect([scene.far.routes.size, scene.far.withdrawals]).toEqual([NEAR_ROUTES.length, 0]);
      await scene.startDut();
      await scene.up();
      // Starling must not say that it has told everything before it knows it.
      await scene.openNear(AGAIN);
      await has(scene.far, AGAIN);
      expect(scene.far.withdrawals).toBe(NEAR_ROUTES.length - AGAIN);
      await has(scene.near, FAR_ROUTES.length);
    },
    120_000,
  );

  it('takes our routes away when we do not come back', async () => {
    await using scene = await RestartScene.start(line, kind, SHORT);
    await scene.endDut('SIGKILL');
    expect(scene.far.routes.size).toBe(NEAR_ROUTES.length);
    await has(scene.far, 0);
  }, 120_000);

  it('restarts, and we keep what it announced, but for what it no longer has', async () => {
    await using scene = await RestartScene.start(line, kind, LONG);
    const { lastError } = await scene.endPeer();
    expect(lastError?.words).toMatch(/^the peer .+; its routes \(\d{4}\) stay until /);
    expect([scene.near.routes.size, scene.near.withdrawals]).toEqual([FAR_ROUTES.length, 0]);
    await scene.startPeer(true);
    await scene.openFar(AGAIN);
    await scene.up();
    await has(scene.near, AGAIN, 60_000);
    expect(scene.near.withdrawals).toBe(FAR_ROUTES.length - AGAIN);
    await has(scene.far, NEAR_ROUTES.length);
  }, 120_000);

  it('does not come back, and we take its routes away in time', async () => {
    await using scene = await RestartScene.start(line, kind, SHORT);
    await scene.endPeer();
    expect(scene.near.routes.size).toBe(FAR_ROUTES.length);
    await has(scene.near, 0);
  }, 120_000);
});
