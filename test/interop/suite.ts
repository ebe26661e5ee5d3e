/** What must hold with every peer; one suite, run with each of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { MIDDLE, createLine } from './line.ts';
import type { Line, SessionPlan } from './line.ts';
import { FAR_ROUTES, Scene } from './scene.ts';
import type { Peer } from './scene.ts';
import { describeSessions } from './sessions.ts';

const EXTERNAL: SessionPlan = { dutAsn: 65_010, peerAsn: 4_200_000_020, connects: 'dut' };
const INTERNAL: SessionPlan = { dutAsn: 4_200_000_010, peerAsn: 4_200_000_010, connects: 'peer', holdTime: 3 };

/** Messages of the session between the two routers as Starling counts them. */
async function messages(scene: Scene): Promise<{ received: Counts; sent: Counts }> {
  return (
    await scene.dut.api<{ messages: { received: Counts; sent: Counts } }>('GET', `/api/v1/peers/${MIDDLE.theirs}`)
  ).messages;
}

interface Counts {
  readonly update: number;
  readonly routeRefresh: number;
}

function refreshTests(peer: Peer, scene: () => Scene): void {
  it('asks the peer for its routes again', async () => {
    const before = await messages(scene());
    await scene().dut.refreshIn(MIDDLE.theirs);
    await waitFor(() => messages(scene()), {
      what: 'a ROUTE-REFRESH sent and UPDATEs received',
      accept: ({ sent, received }) =>
        sent.routeRefresh > before.sent.routeRefresh &&
        (peer.answersRefresh === false || received.update > before.received.update),
    });
    expect(scene().nearDifferences()).toEqual([]);
  });

  if (peer.asksForRefresh === false) return;
  it('tells the peer its routes again', async () => {
    const before = await messages(scene());
    await scene().peer.refreshIn(MIDDLE.ours);
    await waitFor(() => messages(scene()), {
      what: 'a ROUTE-REFRESH received and UPDATEs sent',
      accept: ({ sent, received }) =>
        received.routeRefresh > before.received.routeRefresh && sent.update > before.sent.update,
    });
    expect(scene().farDifferences()).toEqual([]);
  });
}

function externalTests(peer: Peer, scene: () => Scene): void {
  it('is established and carries 1,200 routes each way with all attributes intact', async () => {
    await scene().up();
    expect(await scene().converged()).toEqual([]);
  });

  refreshTests(peer, scene);

  it('shuts down with a message that the peer shows, and comes back', async () => {
    await scene().dut.shutDown(MIDDLE.theirs, 'ours 4711');
    await waitFor(() => scene().peer.neighbour(MIDDLE.ours), {
      what: 'the peer to show the message',
      accept: ({ established, text }) =>
        !established && (peer.knowsShutdownMessages === false || text.includes('ours 4711')),
    });
    await waitFor(() => scene().far.routes.size, {
      what: 'the withdrawal of all routes',
      accept: (size) => size === 0,
    });
    await scene().dut.enable(MIDDLE.theirs);
    await scene().up();
    expect(await scene().converged()).toEqual([]);
  });

  it("shows the peer's shutdown message, and comes back", async () => {
    await scene().peer.shutDown(MIDDLE.ours, 'theirs 4712');
    const text = await scene().down();
    const message = peer.knowsShutdownMessages === false ? 'Administrative Shutdown' : 'theirs 4712';
    expect(text).toContain(message);
    await waitFor(() => scene().near.routes.size, {
      what: 'the withdrawal of all routes',
      accept: (size) => size === 0,
    });
    await scene().peer.enable(MIDDLE.ours);
    await scene().up();
    expect(await scene().converged()).toEqual([]);
  });
}

function internalTests(_peer: Peer, scene: () => Scene): void {
  it('is established and carries 1,200 routes each way with all attributes intact', async () => {
    await scene().up();
    expect(await scene().converged()).toEqual([]);
  });

  it('carries withdrawals', async () => {
    const gone = FAR_ROUTES.filter((_, i) => i % 3 === 0).map(({ prefix }) => prefix);
    scene().far.withdraw(gone);
    await waitFor(() => gone.filter((prefix) => scene().near.routes.has(prefix)).length, {
      what: `the withdrawal of ${gone.length} prefixes`,
      accept: (left) => left === 0,
    });
    expect(scene().near.routes.size).toBe(FAR_ROUTES.length - gone.length);
    scene().far.announce(FAR_ROUTES);
    expect(await scene().converged()).toEqual([]);
  });

  it('ends when the hold time of a silent peer is over, and comes back', async () => {
    scene().peer.freeze();
    const text = await scene().down();
    expect(text).toMatch(/hold timer expired/i);
    await waitFor(() => scene().near.routes.size, {
      what: 'the withdrawal of all routes',
      accept: (size) => size === 0,
    });
    scene().peer.thaw();
    // Some wait half a minute before they try again.
    await scene().peer.enable(MIDDLE.ours);
    await scene().up();
  });

  it('survives the sudden death of the peer', async () => {
    scene().far[Symbol.dispose]();
    scene().peer.process.signal('SIGKILL');
    await scene().down();
    await waitFor(() => scene().near.routes.size, {
      what: 'the withdrawal of all routes',
      accept: (size) => size === 0,
    });
    await scene().peer[Symbol.asyncDispose]();
    await scene().startPeer();
    await scene().up();
    await scene().openFar();
    expect(await scene().converged()).toEqual([]);
  });

  it('comes back after its own sudden death', async () => {
    scene().near[Symbol.dispose]();
    scene().dut.process.signal('SIGKILL');
    await waitFor(() => scene().far.routes.size, {
      what: 'the peer to notice',
      accept: (size) => size === 0,
    });
    await scene().dut[Symbol.asyncDispose]();
    await scene().startDut();
    await scene().openNear();
    await scene().peer.enable(MIDDLE.ours);
    await scene().up();
    expect(await scene().converged()).toEqual([]);
  });
}

function describeScene(
  title: string,
  line: () => Line,
  peer: Peer,
  plan: SessionPlan,
  tests: (peer: Peer, scene: () => Scene) => void,
) {
  describe(`by ${title}`, () => {
    let scene: Scene;
    beforeAll(async () => {
      scene = new Scene(line(), peer, plan);
      await scene.startDut();
      await scene.startPeer();
      await scene.openNear();
      await scene.openFar();
    });
    afterAll(() => scene?.[Symbol.asyncDispose]());
    tests(peer, () => scene);
  });
}

/** Declares the tests with one peer. */
export function describePeer(peer: Peer): void {
  const missing = missingHere({ root: true, programs: ['nsenter', 'setpriv', ...peer.programs] });
  const reason = missing === undefined ? '' : ` (skipped: ${missing})`;
  describe.skipIf(missing !== undefined)(`${peer.name}${reason}`, () => {
    let line: Line;
    beforeAll(async () => {
      line = await createLine();
    });
    afterAll(() => line?.[Symbol.dispose]());
    describeScene('eBGP with a four-octet AS, connected by us', () => line, peer, EXTERNAL, externalTests);
    describeScene('iBGP with a four-octet AS, connected by the peer', () => line, peer, INTERNAL, internalTests);
    describeSessions(() => line, peer);
  });
}
