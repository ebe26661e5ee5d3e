/**
 * A peer's machine for tests: runs it over inputs and holds what must be so after each of them.
 */
import { expect } from 'vitest';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../src/net/family.ts';
import type { Open } from '../../src/bgp/messages/open.ts';
import { COLLISION_TIMEOUT } from '../../src/bgp/fsm/collision.ts';
import type { Effect } from '../../src/bgp/fsm/effect.ts';
import type { Input } from '../../src/bgp/fsm/input.ts';
import { localOpen } from '../../src/bgp/fsm/local-open.ts';
import { connectionsOf, fsmStateName, initialPeerState } from '../../src/bgp/fsm/peer-state.ts';
import type { Connection, FsmConfig, FsmStateName, PeerState } from '../../src/bgp/fsm/peer-state.ts';
import { step } from '../../src/bgp/fsm/step.ts';
import type { Step } from '../../src/bgp/fsm/step.ts';

export const US = { localAs: 65001, routerId: 0x0a000001, holdTime: 90, families: [IPV4_UNICAST, IPV6_UNICAST] };
const THEM = { localAs: 65002, routerId: 0x0a000002, holdTime: 30, families: [IPV4_UNICAST] };

export const CONFIG: FsmConfig = {
  open: localOpen(US),
  peerAs: 65002,
  families: US.families,
  keepaliveTime: undefined,
  connectRetryTime: 60,
  sendHoldTime: undefined,
  passive: false,
};
export const PEER_OPEN: Open = localOpen(THEM);

/** The states a connection may go to. "Idle" is the state of a connection that is not there. */
const LEGAL_TRANSITIONS: Readonly<Record<Connection['state'] | 'Idle', readonly string[]>> = {
  // A peer that connects is in OpenSent at once.
  Idle: ['Connect', 'Postponed', 'OpenSent'],
  Connect: ['Idle', 'OpenSent'],
  Postponed: ['Idle', 'OpenSent'],
  OpenSent: ['Idle', 'OpenConfirm'],
  OpenConfirm: ['Idle', 'Established'],
  Established: ['Idle'],
};

function expectLegal(before: PeerState, after: PeerState): void {
  const ids = new Set([...connectionsOf(before), ...connectionsOf(after)].map(({ id }) => id));
  for (const id of ids) {
    const from = connectionsOf(before).find((connection) => connection.id === id)?.state ?? 'Idle';
    const to = connectionsOf(after).find((connection) => connection.id === id)?.state ?? 'Idle';
    if (from !== to) expect(LEGAL_TRANSITIONS[from], `${from} -> ${to}`).toContain(to);
  }
  // What must hold whatever happened.
  if (after.established !== undefined) expect(after.outgoing).toBeUndefined();
  if (after.phase.name !== 'running') {
    expect([after.established, after.outgoing]).toEqual([undefined, undefined]);
    expect(after.incoming?.state ?? 'Postponed').toBe('Postponed');
  }
  if (after.phase.name === 'running' && !after.config.passive && fsmStateName(after) === 'Active') {
    expect(after.retrying, 'nothing would ever happen again').toBe(true);
  }
}

/** Runs a machine over inputs; `last` is the outcome of the latest one. */
export class Machine {
  peer: PeerState;
  effects: readonly Effect[] = [];
  reason = '';
  now = 0;

  constructor(config: Partial<FsmConfig> = {}) {
    this.peer = initialPeerState({ ...CONFIG, ...config }, 1);
  }

  give(...inputs: Input[]): this {
    for (const input of inputs) {
      const next: Step = step(this.peer, input, this.now);
      expectLegal(this.peer, next.peer);
      this.peer = next.peer;
      this.effects = next.effects;
      this.reason = next.reason;
    }
    return this;
  }

  get state(): FsmStateName {
    return fsmStateName(this.peer);
  }

  effect<T extends Effect['type']>(type: T): Extract<Effect, { type: T }> {
    const found = this.effects.find((effect): effect is Extract<Effect, { type: T }> => effect.type === type);
    if (found === undefined) throw new Error(`no effect ${type} in ${JSON.stringify(this.effects)}`);
    return found;
  }

  timer(name: string): number | undefined {
    const armed = this.effects.findLast((e) => (e.type === 'arm' || e.type === 'arm-connection') && e.timer === name);
    return armed !== undefined && 'milliseconds' in armed ? armed.milliseconds : undefined;
  }

  types(): string[] {
    return this.effects.map(({ type }) => type);
  }
}

export const START: Input = { type: 'start' };
export const connected: Input = { type: 'connected', connection: 1 };
export const openReceived: Input = { type: 'open', connection: 1, open: PEER_OPEN };
export const keepalive: Input = { type: 'keepalive', connection: 1 };
export const closed: Input = { type: 'closed', connection: 1, words: 'peer closed the connection' };

/** A machine in that state. */
export function connect(config?: Partial<FsmConfig>): Machine {
  return new Machine(config).give(START);
}
/** A machine in that state. */
export function openSent(config?: Partial<FsmConfig>): Machine {
  return connect(config).give(connected);
}
/** A machine in that state. */
export function openConfirm(config?: Partial<FsmConfig>, open = PEER_OPEN): Machine {
  return openSent(config).give({ type: 'open', connection: 1, open });
}
/** A machine in that state. */
export function established(config?: Partial<FsmConfig>, open = PEER_OPEN): Machine {
  return openConfirm(config, open).give(keepalive);
}
/** The OPEN of a peer that restarts within `restartTime` seconds. */
export function gracefulOpen(restartTime: number): Open {
  return localOpen({ ...THEM, gracefulRestart: { restartTime, restarting: false, forwarding: true } });
}
/** A machine in that state, whose session is no longer a new one; the peer restarts within `restartTime` seconds. */
export function graceful(restartTime = 120): Machine {
  const own = localOpen({ ...US, gracefulRestart: { restartTime, restarting: false, forwarding: true } });
  const machine = established({ open: own }, gracefulOpen(restartTime));
  machine.now += COLLISION_TIMEOUT;
  return machine;
}
/** Our identifier is the higher one. */
export const DOMINANT: Partial<FsmConfig> = { open: { ...CONFIG.open, routerId: 0x0b000000 } };
