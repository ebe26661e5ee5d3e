/**
 * The topology of the interop tests, a line of four: a neighbour of the test, the peer, the router under test, another
 * neighbour of the test. Every link is a subnet of its own, so that next hops are those of the last router.
 */
import { createNamespace, link } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { openNeighbour } from '../support/neighbour.ts';
import type { TestSession } from '../support/neighbour.ts';
import { run } from '../support/processes.ts';
import type { LocalAddresses, NeighbourConfig, RouterConfig } from '../support/routers/router.ts';

/** A link: the router's addresses and the other end's. */
interface Link {
  readonly subnet: string;
  readonly subnet6: string;
  readonly ours: string;
  readonly ours6: string;
  readonly theirs: string;
  readonly theirs6: string;
}

function linkAddresses(number: number): Link {
  const four = (host: number) => `10.88.${number}.${host}`;
  const six = (host: number | '') => `2001:db8:ffff:${number}::${host}`;
  return {
    subnet: `${four(0)}/24`,
    subnet6: `${six('')}/64`,
    ours: four(1),
    ours6: six(1),
    theirs: four(2),
    theirs6: six(2),
  };
}

/** Between the router under test (ours) and the peer (theirs). */
export const MIDDLE = linkAddresses(1);
/** Between the router under test (ours) and its neighbour of the test (theirs). */
export const NEAR = linkAddresses(2);
/** Between the peer (ours) and its neighbour of the test (theirs). */
export const FAR = linkAddresses(3);

/** AS numbers of the test's neighbours. */
export const NEAR_ASN = 4_200_000_011;
export const FAR_ASN = 65_012;

/** The namespaces of the line. */
export interface Line extends Disposable {
  readonly dut: Namespace;
  readonly peer: Namespace;
  /** Both neighbours of the test live here. */
  readonly test: Namespace;
}

/** Makes the namespaces and links; the router under test and the peer can reach all addresses of the line. */
export async function createLine(): Promise<Line> {
  const [dut, peer, test] = ['dut', 'peer', 'test'].map(createNamespace);
  const masks = (four: string, six: string) => [`${four}/24`, `${six}/64`];
  const join = (a: Namespace, aDevice: string, b: Namespace, bDevice: string, { ours, ours6, theirs, theirs6 }: Link) =>
    link(
      { namespace: a, device: aDevice, addresses: masks(ours, ours6) },
      { namespace: b, device: bDevice, addresses: masks(theirs, theirs6) },
    );
  join(dut, 'middle', peer, 'middle', MIDDLE);
  join(dut, 'near', test, 'near', NEAR);
  join(peer, 'far', test, 'far', FAR);
  const route = (space: Namespace, prefix: string, via: string) =>
    run(['ip', 'route', 'add', prefix, 'via', via], { space });
  await route(dut, FAR.subnet, MIDDLE.theirs);
  await route(dut, FAR.subnet6, MIDDLE.theirs6);
  await route(peer, NEAR.subnet, MIDDLE.ours);
  await route(peer, NEAR.subnet6, MIDDLE.ours6);
  return {
    dut,
    peer,
    test,
    [Symbol.dispose]() {
      for (const namespace of [dut, peer, test]) namespace[Symbol.dispose]();
    },
  };
}

/** How a session is secured. */
export type Security = Pick<NeighbourConfig, 'password' | 'ttlSecurity'>;

/** The AS numbers of the two routers and what is special about their session. */
export interface SessionPlan {
  readonly dutAsn: number;
  readonly peerAsn: number;
  /** Who connects; if it is one alone, the other one is passive or does not listen where it is expected. */
  readonly connects: 'dut' | 'peer' | 'both';
  /** How each side secures the session. */
  readonly dutSecurity?: Security;
  readonly peerSecurity?: Security;
  /** Seconds, proposed by the peer. */
  readonly holdTime?: number;
  /** Both routers restart gracefully within so many seconds, and their neighbours of the test help them. */
  readonly restartTime?: number;
}

function ownEnd({ ours, ours6 }: Link): LocalAddresses {
  return { address: ours, address6: ours6 };
}

const BOTH = ['ipv4', 'ipv6'] as const;

/** A port on which the router under test does not look for its peer. */
const OTHER_PORT = 1790;

function restartOf({ restartTime }: SessionPlan): Pick<NeighbourConfig, 'restartTime'> {
  return restartTime === undefined ? {} : { restartTime };
}

/** Configuration of the router under test. */
export function dutConfig(plan: SessionPlan): RouterConfig {
  const internal = plan.dutAsn === plan.peerAsn;
  return {
    asn: plan.dutAsn,
    routerId: MIDDLE.ours,
    address: MIDDLE.ours,
    address6: MIDDLE.ours6,
    neighbours: [
      {
        address: MIDDLE.theirs,
        asn: plan.peerAsn,
        families: BOTH,
        nextHopSelf: internal,
        ...restartOf(plan),
        ...plan.dutSecurity,
      },
      { address: NEAR.theirs, asn: NEAR_ASN, families: BOTH, passive: true, local: ownEnd(NEAR) },
    ],
  };
}

/** Configuration of the peer. */
export function peerConfig(plan: SessionPlan): RouterConfig {
  const internal = plan.dutAsn === plan.peerAsn;
  return {
    asn: plan.peerAsn,
    routerId: MIDDLE.theirs,
    address: MIDDLE.theirs,
    address6: MIDDLE.theirs6,
    ...(plan.connects === 'peer' ? { port: OTHER_PORT } : {}),
    neighbours: [
      {
        address: MIDDLE.ours,
        asn: plan.dutAsn,
        families: BOTH,
        passive: plan.connects === 'dut',
        nextHopSelf: internal,
        ...(plan.holdTime === undefined ? {} : { holdTime: plan.holdTime }),
        ...restartOf(plan),
        ...plan.peerSecurity,
      },
      { address: FAR.theirs, asn: FAR_ASN, families: BOTH, passive: true, local: ownEnd(FAR), ...restartOf(plan) },
    ],
  };
}

function openOf({ restartTime }: SessionPlan) {
  return { holdTime: 90, families: BOTH, gracefulRestart: restartTime !== undefined };
}

/** Opens the test's session with the router under test. */
export function openNear(line: Line, plan: SessionPlan): Promise<TestSession> {
  return openNeighbour(
    line.test,
    { host: NEAR.ours, localAddress: NEAR.theirs },
    { asn: NEAR_ASN, routerId: NEAR.theirs, ...openOf(plan) },
  );
}

/** Opens the test's session with the peer. */
export function openFar(line: Line, plan: SessionPlan): Promise<TestSession> {
  return openNeighbour(
    line.test,
    { host: FAR.ours, localAddress: FAR.theirs, port: plan.connects === 'peer' ? OTHER_PORT : 179 },
    { asn: FAR_ASN, routerId: FAR.theirs, ...openOf(plan) },
  );
}
