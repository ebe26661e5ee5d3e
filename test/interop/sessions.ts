/** Single sessions: opened from both sides, and with TCP MD5 (RFC 2385) and GTSM (RFC 5082), agreed on or not. */
import { describe, expect, it } from 'vitest';

import type { Namespace } from '../support/namespaces.ts';
import { run } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';
import type { Line, Security, SessionPlan } from './line.ts';
import { Scene } from './scene.ts';
import type { Peer } from './scene.ts';

const AS_NUMBERS = { dutAsn: 65_010, peerAsn: 65_020 };

/** A session between sides that are secured in some way. */
interface Case {
  readonly title: string;
  readonly needs?: keyof Security;
  readonly plan: SessionPlan;
  /** The kernel's counters, one of which grows when a segment is refused; the session must then not come up. */
  readonly refused?: readonly string[];
}

function bothWays(
  title: string,
  needs: keyof Security,
  sides: Partial<SessionPlan>,
  refused?: readonly string[],
): Case[] {
  return (['dut', 'peer'] as const).map((connects) => ({
    title: `${title}, connected by ${connects === 'dut' ? 'us' : 'the peer'}`,
    needs,
    plan: { ...AS_NUMBERS, ...sides, connects },
    ...(refused === undefined ? {} : { refused }),
  }));
}

const MD5_REFUSED = ['TCPMD5NotFound', 'TCPMD5Unexpected', 'TCPMD5Failure'];
const RIGHT: Security = { password: 'right' };
const WRONG: Security = { password: 'wrong' };
const GTSM: Security = { ttlSecurity: true };

const CASES: readonly Case[] = [
  { title: 'one session where both sides connect', plan: { ...AS_NUMBERS, connects: 'both' } },
  ...bothWays('a session with an MD5 key', 'password', { dutSecurity: RIGHT, peerSecurity: RIGHT }),
  ...bothWays('no session with a wrong MD5 key', 'password', { dutSecurity: RIGHT, peerSecurity: WRONG }, MD5_REFUSED),
  ...bothWays('a session with GTSM', 'ttlSecurity', { dutSecurity: GTSM, peerSecurity: GTSM }),
  // Where the peer connects, its SYN is dropped by a socket filter, which counts nothing.
  ...bothWays('no session with GTSM on our side only', 'ttlSecurity', { dutSecurity: GTSM }, ['TCPMinTTLDrop']).slice(
    0,
    1,
  ),
];

/** The sum of counters of a namespace's TCP. */
async function counters(space: Namespace, names: readonly string[]): Promise<number> {
  const lines = (await run(['cat', '/proc/net/netstat'], { space }))
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'));
  const [keys, values] = lines.map((line) => line.split(' '));
  return names.reduce((sum, name) => sum + Number(values[keys.indexOf(name)] ?? 0), 0);
}

async function refusals(line: Line, names: readonly string[]): Promise<number> {
  return (await counters(line.dut, names)) + (await counters(line.peer, names));
}

/** Waits until the kernel has refused segments, and returns which routers say that the session is established. */
async function afterRefusals(scene: Scene, names: readonly string[], before: number): Promise<boolean[]> {
  await waitFor(() => refusals(scene.line, names), {
    what: `refused segments (${names.join(', ')})`,
    // Some connect only after several seconds.
    timeoutMs: 20_000,
    accept: (now) => now > before,
  });
  return scene.established();
}

/** Declares the cases that a peer can take part in. */
export function describeSessions(line: () => Line, peer: Peer): void {
  const cases = CASES.filter(
    ({ needs, plan }) =>
      (needs === undefined || peer.security.includes(needs)) &&
      !(peer.acceptsNoPasswords === true && needs === 'password' && plan.connects === 'dut'),
  );
  describe('by itself', () => {
    it.for(cases.map((one) => [one.title, one] as const))('has %s', async ([, { plan, refused }]) => {
      await using scene = new Scene(line(), peer, plan);
      const before = await refusals(line(), refused ?? []);
      await scene.startDut();
      await scene.startPeer();
      if (refused === undefined) await scene.up();
      const established = refused === undefined ? scene.established() : afterRefusals(scene, refused, before);
      expect(await established).toEqual(refused === undefined ? [true, true] : [false, false]);
    });
  });
}
