/** The line at work: both routers, their sessions and the routes that go from end to end. */
import type { Router, StartRouter } from '../support/routers/router.ts';
import { startStarling } from '../support/routers/starling.ts';
import type { StarlingRouter } from '../support/routers/starling.ts';
import type { TestNeighbour } from '../support/neighbour.ts';
import { afterJourney, differences, makeTestRoutes } from '../support/test-routes.ts';
import type { Journey } from '../support/test-routes.ts';
import { waitFor } from '../support/wait-for.ts';
import { FAR, FAR_ASN, MIDDLE, NEAR, NEAR_ASN, dutConfig, openFar, openNear, peerConfig } from './line.ts';
import type { Line, Security, SessionPlan } from './line.ts';

/** A peer and what is peculiar to it. */
export interface Peer {
  readonly name: string;
  /** Programs that must be installed. */
  readonly programs: readonly string[];
  readonly start: StartRouter;
  /** Opens the session with the neighbour behind it, where that is not a BGP session. */
  readonly openFar?: (router: Router) => TestNeighbour;
  /** Next hop it gives IPv6 routes in a session over IPv4, where that is not its IPv6 address. */
  readonly nextHop6?: string;
  /** False where it never sends ROUTE-REFRESH. */
  readonly asksForRefresh?: false;
  /** False where it does not send its routes again when it is asked to. */
  readonly answersRefresh?: false;
  /** False where it neither sends nor shows the message of a shutdown (RFC 9003). */
  readonly knowsShutdownMessages?: false;
  /** Which of TCP MD5 and GTSM it has. */
  readonly security: readonly (keyof Security)[];
  /** Set where it has MD5 only on connections that it makes itself, and accepts none with it. */
  readonly acceptsNoPasswords?: true;
}

/** Routes that each end announces. */
const IPV4_ROUTES = 1000;
const IPV6_ROUTES = 200;

/** What the near end announces. */
export const NEAR_ROUTES = makeTestRoutes({
  asn: NEAR_ASN,
  nextHop: NEAR.theirs,
  nextHop6: NEAR.theirs6,
  block: 20,
  ipv4: IPV4_ROUTES,
  ipv6: IPV6_ROUTES,
});
/** What the far end announces. */
export const FAR_ROUTES = makeTestRoutes({
  asn: FAR_ASN,
  nextHop: FAR.theirs,
  nextHop6: FAR.theirs6,
  block: 30,
  ipv4: IPV4_ROUTES,
  ipv6: IPV6_ROUTES,
});

/** The whole line with its sessions. */
export class Scene {
  readonly line: Line;
  readonly plan: SessionPlan;
  readonly peerKind: Peer;
  dut!: StarlingRouter;
  peer!: Router;
  near!: TestNeighbour;
  far!: TestNeighbour;

  constructor(line: Line, peerKind: Peer, plan: SessionPlan) {
    this.line = line;
    this.peerKind = peerKind;
    this.plan = plan;
  }

  async startDut(): Promise<void> {
    this.dut = await startStarling(dutConfig(this.plan), { namespace: this.line.dut });
  }

  async startPeer(): Promise<void> {
    this.peer = await this.peerKind.start(peerConfig(this.plan), { namespace: this.line.peer });
  }

  async openNear(): Promise<void> {
    this.near = await openNear(this.line, this.plan);
    this.near.announce(NEAR_ROUTES);
  }

  async openFar(): Promise<void> {
    this.far = this.peerKind.openFar?.(this.peer) ?? (await openFar(this.line, this.plan));
    this.far.announce(FAR_ROUTES);
  }

  /** Waits until both routers say that the session between them is established. */
  async up(): Promise<void> {
    await waitFor(() => this.established(), {
      what: `the session with ${this.peerKind.name} to be established on both sides`,
      timeoutMs: 30_000,
      accept: (sides) => sides.every(Boolean),
    });
  }

  /** Whether the router under test and the peer say that the session between them is established. */
  async established(): Promise<boolean[]> {
    const views = [await this.dut.neighbour(MIDDLE.theirs), await this.peer.neighbour(MIDDLE.ours)];
    return views.map((view) => view.established);
  }

  /** Waits until the router under test has left the established state, and returns what it says of the peer. */
  async down(): Promise<string> {
    const view = await waitFor(() => this.dut.neighbour(MIDDLE.theirs), {
      what: 'the router under test to notice the end of the session',
      accept: ({ established }) => !established,
    });
    return view.text;
  }

  /** Waits until both neighbours of the test have all routes of each other, and returns what is wrong with those. */
  async converged(): Promise<string[]> {
    const wanted = IPV4_ROUTES + IPV6_ROUTES;
    await waitFor(() => [this.near.routes.size, this.far.routes.size], {
      what: `${wanted} routes at both ends`,
      timeoutMs: 30_000,
      accept: (sizes) => sizes.every((size) => size === wanted),
    });
    return [...this.nearDifferences(), ...this.farDifferences()];
  }

  /** AS numbers a route collects from the far end to the near one. */
  private get asns(): number[] {
    const { dutAsn, peerAsn } = this.plan;
    return dutAsn === peerAsn ? [dutAsn] : [dutAsn, peerAsn];
  }

  /** What is wrong with the routes at the near end. */
  nearDifferences(): string[] {
    const journey: Journey = { asns: this.asns, nextHop: NEAR.ours, nextHop6: NEAR.ours6 };
    return differences(
      this.near.routes,
      new Map(FAR_ROUTES.map((route) => [route.prefix, afterJourney(route, journey)])),
    );
  }

  /** What is wrong with the routes at the far end. */
  farDifferences(): string[] {
    const nextHop6 = this.peerKind.nextHop6 ?? FAR.ours6;
    const journey: Journey = { asns: this.asns.toReversed(), nextHop: FAR.ours, nextHop6 };
    return differences(
      this.far.routes,
      new Map(NEAR_ROUTES.map((route) => [route.prefix, afterJourney(route, journey)])),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.near?.[Symbol.dispose]();
    this.far?.[Symbol.dispose]();
    await this.dut?.[Symbol.asyncDispose]();
    await this.peer?.[Symbol.asyncDispose]();
  }
}
