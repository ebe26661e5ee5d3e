import { describe, expect, it } from 'vitest';
import {
  PEER_OPEN,
  START,
  closed,
  connect,
  established,
  graceful,
  gracefulOpen,
  keepalive,
  openConfirm,
  openReceived,
  openSent,
} from '../../../test/support/fsm-machine.ts';
import type { Machine } from '../../../test/support/fsm-machine.ts';
import { IDLE_HOLD_MAX, IDLE_HOLD_MIN } from './peer-state.ts';

const NOTIFICATION = { code: 6, subcode: 2, data: new Uint8Array(0) };

describe('a session going down', () => {
  it.each([
    ['OpenSent', openSent, keepalive, 1],
    ['OpenSent', openSent, { type: 'update', connection: 1 }, 1],
    ['OpenConfirm', openConfirm, openReceived, 2],
    ['OpenConfirm', openConfirm, { type: 'update', connection: 1 }, 2],
    ['Established', established, openReceived, 3],
  ] as const)('answers a message that may not come in %s', (_state, make, input, subcode) => {
    const machine = make().give(input);
    expect(machine.effect('close').notification).toMatchObject({ code: 5, subcode });
    expect(machine.state).toBe('Idle');
  });

  it('believes the hold timer only after it has looked for unread input', () => {
    const machine = established().give({ type: 'connection-timer', connection: 1, timer: 'hold' });
    expect([machine.state, machine.types()]).toEqual(['Established', ['drain']]);
    machine.give({ type: 'drained', connection: 1, heard: true });
    expect([machine.state, machine.timer('hold')]).toEqual(['Established', 30_000]);

    machine.give({ type: 'connection-timer', connection: 1, timer: 'hold' }, keepalive);
    machine.give({ type: 'drained', connection: 1, heard: false });
    expect(machine.state).toBe('Established');

    machine.give({ type: 'connection-timer', connection: 1, timer: 'hold' });
    machine.give({ type: 'drained', connection: 1, heard: false });
    expect(machine.reason).toBe('hold timer expired: nothing heard for 30 s');
    expect(machine.effect('close').notification).toMatchObject({ code: 4, subcode: 0 });
    expect(machine.effect('down').reason).toMatchObject({ kind: 'hold-timer-expired', words: machine.reason });
  });

  it('closes without a word when the peer accepts no data', () => {
    const machine = established().give({ type: 'connection-timer', connection: 1, timer: 'send-hold' });
    expect(machine.effect('close').notification).toBeUndefined();
    expect(machine.reason).toBe('send hold timer expired: the peer accepted no data for 480 s');
  });

  it('says in words how far it had come', () => {
    expect(openSent().give(closed).reason).toBe('peer closed the connection before OPEN');
    expect(openConfirm().give(closed).reason).toBe('peer closed the connection before KEEPALIVE');
    const machine = established().give({ type: 'notification', connection: 1, notification: NOTIFICATION });
    expect(machine.reason).toBe('the peer sent NOTIFICATION Cease / Administrative Shutdown');
    expect(machine.effect('down').reason).toMatchObject({ kind: 'notification-received' });
    expect(machine.effect('close').notification).toBeUndefined();
  });

  it.each([
    ['shutdown', 2],
    ['deconfigured', 3],
    ['reset', 4],
    ['configuration-changed', 6],
    ['bfd-down', 10],
    ['restart', undefined],
  ] as const)('stops for "%s"', (kind, subcode) => {
    const machine = established().give({ type: 'stop', reason: { kind } });
    expect(machine.state).toBe('Idle');
    expect(machine.effect('close').notification?.subcode).toBe(subcode);
    expect(machine.effect('down').reason.kind).toBe('stopped');
  });

  it('stays down when disabled, and tells the peer why each time it connects', () => {
    const machine = established().give({ type: 'admin-down', message: 'new line card' });
    const data = Uint8Array.of(13, ...new TextEncoder().encode('new line card'));
    expect(machine.effect('close').notification).toEqual({ code: 6, subcode: 2, data });
    machine.give({ type: 'timer', timer: 'idle-hold' }, START);
    expect(machine.state).toBe('Idle');
    expect(machine.give({ type: 'accepted' }).effect('refuse').notification).toEqual({ code: 6, subcode: 2, data });
    expect(machine.give({ type: 'admin-up' }).state).toBe('Connect');
  });

  it('comes back after a reset', () => {
    const machine = established().give({ type: 'reset', message: 'test' });
    expect(machine.effect('close').notification).toMatchObject({ code: 6, subcode: 4 });
    expect(machine.give({ type: 'timer', timer: 'idle-hold' }).state).toBe('Connect');
  });

  it('passes messages on only while Established', () => {
    expect(established().give({ type: 'update', connection: 1 }).types()).toContain('deliver');
    expect(openConfirm().give({ type: 'update', connection: 1 }).types()).not.toContain('deliver');
  });
});

describe('attempts to connect', () => {
  it('are given up in time, and wait longer each time, with jitter, up to the configured time', () => {
    const machine = connect();
    expect(machine.timer('connect')).toBe(10_000);
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt++) {
      machine.give({ type: 'connection-timer', connection: attempt, timer: 'connect' });
      expect([machine.state, machine.reason]).toEqual([
        'Active',
        'connection attempt timed out: no answer from the peer',
      ]);
      waits.push(machine.timer('connect-retry')! / 1000);
      expect(machine.give({ type: 'timer', timer: 'connect-retry' }).state).toBe('Connect');
    }
    for (const [index, base] of [1, 2, 4, 8, 16, 32, 60, 60, 60].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(base * 0.75);
      expect(waits[index]).toBeLessThanOrEqual(base);
    }
    expect(new Set(waits.slice(6)).size).toBe(3);
  });

  it('start over quickly after a session was up', () => {
    const machine = connect();
    for (let attempt = 1; attempt <= 5; attempt++) {
      machine.give({ type: 'closed', connection: attempt, words: 'connection refused' });
      machine.give({ type: 'timer', timer: 'connect-retry' });
    }
    machine.give(
      { type: 'connected', connection: 6 },
      { type: 'open', connection: 6, open: PEER_OPEN },
      { type: 'keepalive', connection: 6 },
    );
    expect([machine.state, machine.peer.failedAttempts]).toEqual(['Established', 0]);
  });
});

describe('damping of oscillations', () => {
  function flap(machine: Machine, lasting: number): number {
    const id = machine.peer.outgoing!.id;
    machine.give(
      { type: 'connected', connection: id },
      { type: 'open', connection: id, open: PEER_OPEN },
      { type: 'keepalive', connection: id },
    );
    machine.now += lasting;
    machine.give({ type: 'closed', connection: id, words: 'peer reset the connection' });
    expect(machine.state).toBe('Idle');
    const wait = machine.timer('idle-hold')!;
    machine.give({ type: 'timer', timer: 'idle-hold' });
    return wait;
  }

  it('holds a peer off longer with each failure, and forgets after a stable session', () => {
    const machine = connect();
    for (let expected = IDLE_HOLD_MIN; expected < 4 * IDLE_HOLD_MAX; expected *= 2) {
      const wait = flap(machine, 1_000);
      const base = Math.min(expected, IDLE_HOLD_MAX);
      expect(wait).toBeGreaterThanOrEqual(base * 0.75);
      expect(wait).toBeLessThanOrEqual(base);
    }
    expect(flap(machine, 300_000)).toBeLessThanOrEqual(IDLE_HOLD_MIN);
    expect(flap(machine, 1_000)).toBeGreaterThan(IDLE_HOLD_MIN);
  });

  it('leaves a peer that restarts the time to come back, however often it does', () => {
    const machine = graceful(40);
    for (let restarts = 0; restarts < 10; restarts++) {
      const { id } = machine.peer.established!;
      machine.give({ type: 'closed', connection: id, words: 'peer closed the connection' });
      expect(machine.timer('idle-hold')).toBeLessThanOrEqual(10_000);
      const next = { connection: id + 1 };
      machine.give({ type: 'timer', timer: 'idle-hold' }, { type: 'connected', ...next });
      machine.give({ type: 'open', open: gracefulOpen(40), ...next }, { type: 'keepalive', ...next });
      expect(machine.state).toBe('Established');
    }
  });

  it('makes a peer that connects meanwhile wait, without refusing it', () => {
    const machine = established().give(closed, { type: 'accepted' });
    expect([machine.state, machine.types()]).toEqual(['Idle', ['adopt']]);
    machine.give({ type: 'timer', timer: 'idle-hold' });
    expect([machine.state, machine.effect('send-open').connection]).toEqual(['OpenSent', 2]);
    const second = { connection: 2 };
    machine.give({ type: 'open', open: PEER_OPEN, ...second }, { type: 'keepalive', ...second });
    expect(machine.state).toBe('Established');
  });
});

describe('a peer that connects while there is a session', () => {
  it('is refused', () => {
    const machine = established().give({ type: 'accepted' });
    expect(machine.effect('refuse').notification).toMatchObject({ code: 6, subcode: 7 });
    expect(machine.state).toBe('Established');
  });

  it('is refused while the session is new, as its connection may be an older one', () => {
    const machine = graceful();
    machine.now--;
    expect(machine.give({ type: 'accepted' }).effect('refuse').notification).toMatchObject({ code: 6, subcode: 7 });
    expect(machine.state).toBe('Established');
  });

  it('replaces it once its OPEN is valid, where graceful restart was negotiated', () => {
    const machine = graceful().give({ type: 'accepted' });
    expect([machine.state, machine.types()]).toEqual(['Established', ['adopt', 'send-open', 'arm-connection']]);
    machine.give({ type: 'open', connection: 2, open: PEER_OPEN });
    expect(machine.effect('close')).toMatchObject({ connection: 1, notification: undefined });
    expect(machine.effect('down').reason.kind).toBe('replaced');
    expect(machine.give({ type: 'keepalive', connection: 2 }).state).toBe('Established');
  });

  it('leaves it alone where the new connection fails', () => {
    const bad = { type: 'open', connection: 2, open: { ...PEER_OPEN, asn: 65009 } } as const;
    const lost = { type: 'closed', connection: 2, words: 'peer closed the connection' } as const;
    for (const input of [bad, lost]) {
      const machine = graceful().give({ type: 'accepted' }, input);
      expect(machine.state).toBe('Established');
      expect(machine.give({ type: 'keepalive', connection: 1 }).state).toBe('Established');
    }
  });
});
