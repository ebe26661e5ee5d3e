import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IPV4_UNICAST, IPV6_UNICAST } from '../../net/family.ts';
import {
  CONFIG,
  DOMINANT,
  Machine,
  PEER_OPEN,
  START,
  US,
  closed,
  connect,
  connected,
  established,
  graceful,
  keepalive,
  openConfirm,
  openReceived,
  openSent,
} from '../../../test/support/fsm-machine.ts';
import type { Input } from './input.ts';
import { connectionsOf } from './peer-state.ts';

const STATES: Readonly<Record<string, () => Machine>> = {
  stopped: () => new Machine(),
  'admin-down': () => connect().give({ type: 'admin-down', message: 'maintenance' }),
  Connect: () => connect(),
  Active: () => connect().give({ type: 'closed', connection: 1, words: 'connection refused' }),
  passive: () => connect({ passive: true }),
  OpenSent: () => openSent(),
  OpenConfirm: () => openConfirm(),
  Established: () => established(),
  'Established, graceful': () => graceful(),
  'Established, peer restarting': () => graceful().give({ type: 'accepted' }),
  'idle-hold': () => established().give(closed),
  'idle-hold, postponed': () => established().give(closed, { type: 'accepted' }),
  draining: () => established().give({ type: 'connection-timer', connection: 1, timer: 'hold' }),
  'both OpenSent': () => openSent().give({ type: 'accepted' }),
  'Connect and OpenSent': () => connect().give({ type: 'accepted' }),
  'waiting for the peer to choose': () => openConfirm().give({ type: 'accepted' }, keepalive),
  'holding the KEEPALIVE back': () =>
    openSent(DOMINANT).give({ type: 'accepted' }, { type: 'open', connection: 2, open: PEER_OPEN }),
};

const NOTIFICATION = { code: 6, subcode: 2, data: new Uint8Array(0) };

const INPUTS: readonly Input[] = [
  START,
  { type: 'stop', reason: { kind: 'deconfigured' } },
  { type: 'stop', reason: { kind: 'restart' } },
  { type: 'admin-down', message: 'maintenance' },
  { type: 'admin-down' },
  { type: 'admin-up' },
  { type: 'reset', message: 'new filters' },
  { type: 'configure', open: { ...CONFIG.open, holdTime: 60 } },
  { type: 'accepted' },
  { type: 'timer', timer: 'connect-retry' },
  { type: 'timer', timer: 'idle-hold' },
  { type: 'timer', timer: 'collision' },
  ...[1, 2, 3].flatMap((connection): Input[] => [
    { type: 'connected', connection },
    { type: 'closed', connection, words: 'peer closed the connection' },
    { type: 'open', connection, open: PEER_OPEN },
    { type: 'open', connection, open: { ...PEER_OPEN, asn: 65003 } },
    { type: 'keepalive', connection },
    { type: 'update', connection },
    { type: 'route-refresh', connection },
    { type: 'notification', connection, notification: NOTIFICATION },
    { type: 'notification', connection, notification: { code: 6, subcode: 7, data: new Uint8Array(0) } },
    { type: 'protocol-error', connection, notification: { ...NOTIFICATION, code: 3, subcode: 1 }, words: 'bad UPDATE' },
    { type: 'connection-timer', connection, timer: 'connect' },
    { type: 'connection-timer', connection, timer: 'hold' },
    { type: 'connection-timer', connection, timer: 'keepalive' },
    { type: 'connection-timer', connection, timer: 'send-hold' },
    { type: 'drained', connection, heard: true },
    { type: 'drained', connection, heard: false },
  ]),
];

describe('every state with every input', () => {
  it.each(Object.keys(STATES))('%s', (name) => {
    for (const input of INPUTS) expect(STATES[name]().give(input).reason).not.toBe('');
  });

  it('holds for any sequence of inputs', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(STATES)),
        // Timers and openings of connections that exist are what gets a machine on.
        fc.array(fc.tuple(fc.constantFrom(...INPUTS), fc.nat({ max: 2 })), { maxLength: 40 }),
        (name, sequence) => {
          const machine = STATES[name]();
          for (const [input, which] of sequence) {
            machine.now += 1000;
            const connections = connectionsOf(machine.peer);
            const retarget = 'connection' in input && which < connections.length;
            machine.give(retarget ? { ...input, connection: connections[which].id } : input);
            expect(machine.reason).not.toBe('');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a session coming up', () => {
  it('goes through the states of RFC 4271', () => {
    const machine = new Machine();
    expect(machine.state).toBe('Idle');
    machine.give(START);
    expect([machine.state, machine.reason]).toEqual(['Connect', 'connecting']);
    machine.give(connected);
    expect(machine.state).toBe('OpenSent');
    expect(machine.effect('send-open').connection).toBe(1);
    expect(machine.timer('hold')).toBe(240_000);
    machine.give(openReceived);
    expect(machine.state).toBe('OpenConfirm');
    expect(machine.types()).toContain('send-keepalive');
    machine.give(keepalive);
    expect([machine.state, machine.reason]).toEqual(['Established', 'session established']);
    expect(machine.effect('established').negotiated).toMatchObject({
      peerAs: 65002,
      peerRouterId: 0x0a000002,
      holdTime: 30,
      keepaliveTime: 10,
      families: [IPV4_UNICAST],
      fourOctetAs: true,
      extendedMessage: true,
      routeRefresh: true,
      enhancedRouteRefresh: false,
      external: true,
    });
  });

  it('starts the timers that were negotiated, KEEPALIVE with jitter', () => {
    const machine = openConfirm();
    expect(machine.timer('hold')).toBe(30_000);
    expect(machine.timer('keepalive')).toBeGreaterThanOrEqual(7_500);
    expect(machine.timer('keepalive')).toBeLessThanOrEqual(10_000);
    expect(machine.give(keepalive).timer('send-hold')).toBe(480_000);
  });

  it('runs without timers where the hold time is 0', () => {
    const machine = openConfirm({}, { ...PEER_OPEN, holdTime: 0 });
    expect(machine.effect('cancel-connection').timer).toBe('hold');
    expect(machine.timer('keepalive')).toBeUndefined();
    machine.give(keepalive);
    expect(machine.state).toBe('Established');
    expect(machine.types().filter((type) => type.startsWith('arm'))).toEqual([]);
  });

  it('waits for the peer where it is passive', () => {
    const machine = connect({ passive: true });
    expect([machine.state, machine.effects]).toEqual(['Active', []]);
    machine.give({ type: 'accepted' }, openReceived, keepalive);
    expect(machine.state).toBe('Established');
  });

  it.each([
    ['another AS', { asn: 65003 }, 2, 2, [0, 0, 0xfd, 0xeb]],
    ['a hold time of 2 s', { holdTime: 2 }, 2, 6, []],
    ['BGP identifier 0', { routerId: 0 }, 2, 3, [0, 0, 0, 0]],
    [
      'no family in common',
      { capabilities: [{ name: 'multiprotocol', afi: 25, safi: 70 }] },
      2,
      7,
      [1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1],
    ],
  ] as const)('refuses an OPEN with %s', (_what, fields, code, subcode, data) => {
    const machine = openSent().give({ type: 'open', connection: 1, open: { ...PEER_OPEN, ...fields } });
    const { notification } = machine.effect('close');
    expect(notification).toEqual({ code, subcode, data: Uint8Array.from(data) });
    expect(machine.state).toBe('Idle');
    expect(machine.effect('error').words).toBe(machine.reason);
  });

  it('refuses its own identifier within an AS, and takes it from another AS', () => {
    const open = { ...PEER_OPEN, routerId: US.routerId };
    expect(openSent().give({ type: 'open', connection: 1, open }).state).toBe('OpenConfirm');
    const internal = openSent({ peerAs: 65001 }).give({ type: 'open', connection: 1, open: { ...open, asn: 65001 } });
    expect(internal.effect('close').notification).toMatchObject({ code: 2, subcode: 3 });
  });

  it('takes a peer without capabilities for one that speaks IPv4 unicast', () => {
    const machine = established({}, { ...PEER_OPEN, capabilities: [] });
    const { negotiated } = machine.effect('established');
    expect(negotiated).toMatchObject({ families: [IPV4_UNICAST], fourOctetAs: false, extendedMessage: false });
    const v6 = { ...CONFIG, families: [IPV6_UNICAST] };
    const refused = openSent(v6).give({ type: 'open', connection: 1, open: { ...PEER_OPEN, capabilities: [] } });
    expect(refused.effect('close').notification).toMatchObject({ code: 2, subcode: 7 });
  });

  it.each([
    [90, undefined, 30],
    [3, undefined, 1],
    [5, 60, 1],
    [90, 10, 10],
    [90, 60, 30],
  ])('hold time %d s with keepalive %s s gives %d s', (holdTime, keepaliveTime, expected) => {
    const machine = established({ keepaliveTime }, { ...PEER_OPEN, holdTime });
    expect(machine.effect('established').negotiated.keepaliveTime).toBe(expected);
  });
});
