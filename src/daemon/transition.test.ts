import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wantedNeighbour } from '../../test/support/wanted-neighbour.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import { NO_MEMORY, planTransition } from './transition.ts';
import type { RunningSession, TransitionInput, TransitionPlan } from './transition.ts';

const LIMITS = { guard: { enabled: true, maxLossPercent: 50, minSessions: 2 }, timeout: 120_000 };

function neighbour(key: string, fields: Partial<Neighbour> = {}): Neighbour {
  const type = key.startsWith('m') ? 'mesh' : 'node';
  return wantedNeighbour({ key, address: key, peerAs: 65_000, external: false, localAddresses: {}, type, ...fields });
}

function running(key: string, fields: Partial<RunningSession> = {}): RunningSession {
  const up = fields.up ?? true;
  return {
    neighbour: neighbour(key),
    addedAt: 0,
    up,
    families: [0],
    complete: up,
    wasComplete: up,
    since: 0,
    disabled: false,
    ...fields,
  };
}

/** A plan for sessions that are there and neighbours that are wanted. */
function plan(
  sessions: readonly RunningSession[],
  wanted: readonly Neighbour[],
  more: Partial<TransitionInput> = {},
): TransitionPlan {
  return planTransition({
    sessions: new Map(sessions.map((session) => [session.neighbour.key, session])),
    wanted: new Map(wanted.map((one) => [one.key, one])),
    identityChanges: false,
    confirmed: false,
    now: 10_000,
    limits: LIMITS,
    memory: NO_MEMORY,
    coverage: () => ({ all: 0, alone: 0 }),
    ...more,
  });
}

function kinds({ postponed }: TransitionPlan): Record<string, string> {
  return Object.fromEntries([...postponed].map(([key, { kind, change }]) => [key, `${kind} ${change}`]));
}

const MESH = ['m1', 'm2', 'm3'].map((key) => running(key));
const REFLECTORS = [neighbour('r1'), neighbour('r2')];

describe('from a mesh to reflectors', () => {
  it('keeps the mesh until the reflectors have told all they have, and a moment for the other side', () => {
    const first = plan(MESH, REFLECTORS);
    expect(first).toMatchObject({ remove: [], add: ['r1', 'r2'] });
    expect(kinds(first)).toEqual({ m1: 'kept removed', m2: 'kept removed', m3: 'kept removed' });
    expect(first.postponed.get('m1')?.words).toBe(
      'Wanted no more, but kept until r1 and r2 are up with all routes (120 s at most).',
    );
    const half = [
      ...MESH,
      running('r1', { neighbour: REFLECTORS[0], addedAt: 10_000 }),
      running('r2', { neighbour: REFLECTORS[1], addedAt: 10_000, complete: false, wasComplete: false }),
    ];
    const second = plan(half, REFLECTORS, { now: 11_000, memory: first.memory });
    expect(second.remove).toEqual([]);
    expect(second.postponed.get('m2')?.words).toContain('until r2 is up');
    const all = [...MESH, ...REFLECTORS.map((one) => running(one.key, { neighbour: one, addedAt: 10_000 }))];
    const third = plan(all, REFLECTORS, { now: 12_000, memory: second.memory });
    expect(third.remove).toEqual([]);
    const last = plan(all, REFLECTORS, { now: 14_000, memory: third.memory });
    expect(last).toMatchObject({
      remove: ['m1', 'm2', 'm3'],
      settle: true,
      memory: { held: new Set(), losses: new Map() },
    });
    expect(last.postponed.size).toBe(0);
  });

  const up = [...MESH, ...REFLECTORS.map((one) => running(one.key, { neighbour: one, addedAt: 10_000 }))];

  it('keeps it while routes are known from it only, but not for ever', () => {
    const memory = { began: 10_000, held: new Set<string>(), losses: new Map<string, number>() };
    const soon = plan(up, REFLECTORS, { now: 20_000, memory, coverage: ({ size }) => ({ all: size, alone: size }) });
    expect(soon.postponed.get('m1')?.words).toContain('until its routes are known from others (3 are not');
    const late = plan(up, REFLECTORS, { now: 131_000, memory, coverage: () => ({ all: 6, alone: 3 }) });
    expect(late.remove).toEqual(['m1', 'm2', 'm3']);
  });

  it('asks for a confirmation where most routes do not come with them', () => {
    const memory = { ...NO_MEMORY, began: 10_000 };
    const late = { now: 131_000, memory, coverage: () => ({ all: 5, alone: 3 }) };
    const held = plan(up, REFLECTORS, late);
    expect(kinds(held)).toEqual({ m1: 'held removed', m2: 'held removed', m3: 'held removed' });
    expect(held.postponed.get('m1')?.words).toBe(
      'Wanted no more, but kept because most routes (3 of 5) have not come with the new sessions: r1 and r2.',
    );
    expect(plan(up, REFLECTORS, { ...late, confirmed: true }).remove).toEqual(['m1', 'm2', 'm3']);
    expect(plan(up, REFLECTORS, { ...late, coverage: () => ({ all: 5, alone: 2 }) }).remove).toHaveLength(3);
  });

  it('asks for a confirmation where no reflector comes up in time', () => {
    const down = REFLECTORS.map((one) => running(one.key, { neighbour: one, addedAt: 10_000, up: false }));
    const memory = { began: 10_000, held: new Set<string>(), losses: new Map<string, number>() };
    const late = plan([...MESH, ...down], REFLECTORS, { now: 131_000, memory });
    expect(kinds(late)).toEqual({ m1: 'held removed', m2: 'held removed', m3: 'held removed' });
    expect(late.postponed.get('m1')?.words).toContain('none of the new sessions is up: r1 and r2');
    const confirmed = plan([...MESH, ...down], REFLECTORS, { now: 131_000, memory, confirmed: true });
    expect(confirmed.remove).toEqual(['m1', 'm2', 'm3']);
  });

  it('gives reflectors that come later as much time, and waits for none that is disabled', () => {
    const late = running('r1', { neighbour: REFLECTORS[0], addedAt: 100_000, up: false });
    const memory = { ...NO_MEMORY, began: 10_000 };
    expect(kinds(plan([...MESH, late], REFLECTORS.slice(0, 1), { now: 200_000, memory })).m1).toBe('kept removed');
    const off = plan([...MESH, { ...late, disabled: true }], REFLECTORS.slice(0, 1), { now: 200_000, memory });
    expect(off.postponed.get('m1')?.words).toContain('no session would be left');
  });

  it('is nothing that another node of the mesh replaces', () => {
    const young = running('m3', { addedAt: 5_000 });
    expect(plan([...MESH.slice(0, 2), young], [MESH[1].neighbour, young.neighbour]).remove).toEqual(['m1']);
  });

  it('goes on without those that do not come up in time', () => {
    const one = [...up.slice(0, 4), running('r2', { neighbour: REFLECTORS[1], addedAt: 10_000, up: false })];
    const memory = { began: 10_000, held: new Set<string>(), losses: new Map<string, number>() };
    const covered = plan(one, REFLECTORS, { now: 131_000, memory });
    expect(covered.postponed.get('m1')?.words).toContain('kept for a moment: r1 is up only just');
    expect(plan(one, REFLECTORS, { now: 133_000, memory: covered.memory }).remove).toEqual(['m1', 'm2', 'm3']);
  });

  it('waits for the routes of one that came up late', () => {
    const late = running('r1', { neighbour: REFLECTORS[0], addedAt: 10_000, since: 400_000 });
    const memory = { ...NO_MEMORY, began: 10_000 };
    const alone = { memory, coverage: () => ({ all: 5, alone: 1 }) };
    expect(kinds(plan([...MESH, late], REFLECTORS.slice(0, 1), { ...alone, now: 400_100 })).m1).toBe('kept removed');
    expect(plan([...MESH, late], REFLECTORS.slice(0, 1), { ...alone, now: 520_000 }).remove).toHaveLength(3);
    const hours = { ...late, since: 8e6 };
    expect(kinds(plan([...MESH, hours], REFLECTORS.slice(0, 1), { memory, now: 8e6 })).m1).toBe('kept removed');
  });

  it('needs no confirmation where the reflectors were there before the mesh was switched off, or come after', () => {
    const memory = { coveredSince: 12_000, began: 12_000, held: new Set<string>(), losses: new Map<string, number>() };
    expect(plan(up, REFLECTORS, { now: 15_000, memory }).remove).toEqual(['m1', 'm2', 'm3']);
    const off = plan(MESH, []);
    expect(kinds(off)).toEqual({ m1: 'held removed', m2: 'held removed', m3: 'held removed' });
    const later = plan(MESH, REFLECTORS, { memory: off.memory });
    expect(kinds(later)).toEqual({ m1: 'kept removed', m2: 'kept removed', m3: 'kept removed' });
  });
});

describe('the guard', () => {
  it('keeps the last session, and that of a family', () => {
    const alone = plan([running('r1')], []);
    expect(alone.remove).toEqual([]);
    expect(alone.postponed.get('r1')).toEqual({
      kind: 'held',
      change: 'removed',
      words: 'It is wanted no more, but no session would be left.',
    });
    const sessions = [running('r1', { families: [0, 1] }), running('r2'), running('r3')];
    const family = plan(sessions, [sessions[1].neighbour, sessions[2].neighbour]);
    expect(family.postponed.get('r1')?.words).toContain('no session with ipv6-unicast would be left');
  });

  it('keeps sessions where most would go, and lets a few go', () => {
    expect(kinds(plan(MESH, [MESH[0].neighbour]))).toEqual({ m2: 'held removed', m3: 'held removed' });
    expect(plan(MESH, [MESH[0].neighbour, MESH[1].neighbour]).remove).toEqual(['m3']);
    expect(plan(MESH, [MESH[0].neighbour], { confirmed: true }).remove).toEqual(['m2', 'm3']);
    const off = { ...LIMITS, guard: { ...LIMITS.guard, enabled: false } };
    expect(plan(MESH, [], { limits: off }).remove).toEqual(['m1', 'm2', 'm3']);
  });

  it('does not mind sessions that are down, and lets held ones be down for a while', () => {
    const down = MESH.map(({ neighbour: one }) => running(one.key, { up: false, since: 9_000 }));
    expect(plan(down, []).remove).toEqual(['m1', 'm2', 'm3']);
    const memory = { ...NO_MEMORY, held: new Set(['m1', 'm2', 'm3']) };
    expect(plan(down, [], { memory }).remove).toEqual([]);
    expect(plan(down, [], { memory, now: 700_000 }).remove).toEqual(['m1', 'm2', 'm3']);
  });

  it('neither keeps workloads of this node nor counts them', () => {
    const workloads = ['w1', 'w2', 'w3'].map((key) =>
      running(key, { neighbour: neighbour(key, { type: 'workload' }), families: [0, 1] }),
    );
    const tor = running('t1');
    expect(plan([tor, ...workloads], [tor.neighbour])).toMatchObject({ remove: ['w1', 'w2', 'w3'] });
    const without = plan(
      [tor, ...workloads],
      workloads.map((workload) => workload.neighbour),
    );
    expect(kinds(without)).toEqual({ t1: 'held removed' });
  });

  it('lets go of what is held when the resources change back', () => {
    const held = plan(MESH, []);
    const back = plan(
      MESH,
      MESH.map((one) => one.neighbour),
      { memory: held.memory },
    );
    expect(back).toMatchObject({ remove: [], add: [], reset: [], change: [], memory: NO_MEMORY });
    expect(back.postponed.size).toBe(0);
  });

  const renewed = MESH.map(({ neighbour: one }) => ({ ...one, holdTime: 30 }));

  it('counts sessions that would be reset', () => {
    expect(kinds(plan(MESH, renewed))).toEqual({ m1: 'held reset', m2: 'held reset', m3: 'held reset' });
    expect(plan(MESH, renewed, { confirmed: true }).reset).toEqual(['m1', 'm2', 'm3']);
    expect(plan(MESH, [renewed[0], MESH[1].neighbour, MESH[2].neighbour]).reset).toEqual(['m1']);
    expect(plan([MESH[0]], [renewed[0]]).reset).toEqual(['m1']);
  });

  it('counts another router id or AS as a reset of all sessions', () => {
    const same = MESH.map((one) => one.neighbour);
    const held = plan(MESH, same, { identityChanges: true });
    expect(held).toMatchObject({ takeIdentity: false, reset: [], remove: [] });
    expect(kinds(held)).toEqual({ m1: 'held reset', m2: 'held reset', m3: 'held reset' });
    expect(plan(MESH, same, { identityChanges: true, confirmed: true })).toMatchObject({
      takeIdentity: true,
      reset: ['m1', 'm2', 'm3'],
    });
    expect(plan([], same, { identityChanges: true })).toMatchObject({ takeIdentity: true, add: ['m1', 'm2', 'm3'] });
    expect(plan(MESH, [], { identityChanges: true }).takeIdentity).toBe(false);
  });

  it('does not add a neighbour at another port while the session with its address is held', () => {
    const moved = MESH.map(({ neighbour: one }) =>
      neighbour(`${one.key}:1790`, { address: one.address, port: 1790, type: 'mesh' }),
    );
    const held = plan(MESH, moved);
    expect(held).toMatchObject({ remove: [], add: [] });
    expect(kinds(held)).toEqual({ m1: 'held reset', m2: 'held reset', m3: 'held reset' });
    expect(plan(MESH, moved, { confirmed: true })).toMatchObject({
      remove: ['m1', 'm2', 'm3'],
      add: ['m1:1790', 'm2:1790', 'm3:1790'],
    });
  });

  it('counts a session that is to be held down', () => {
    const down = neighbour('r1', { heldDown: 'There is no Secret.' });
    expect(kinds(plan([running('r1')], [down]))).toEqual({ r1: 'held held down' });
  });
});

describe('losses one after the other', () => {
  const all = ['m1', 'm2', 'm3', 'm4'].map((key) => running(key));
  const first = plan(all, [all[1].neighbour, all[2].neighbour, all[3].neighbour]);
  const second = plan(all.slice(1), [all[2].neighbour, all[3].neighbour], { now: 10_200, memory: first.memory });
  const third = (now: number, memory = second.memory) => plan(all.slice(2), [all[3].neighbour], { now, memory });

  it('count as one where little time is between them', () => {
    expect([first.remove, second.remove]).toEqual([['m1'], ['m2']]);
    expect(third(10_400).postponed.get('m3')?.words).toBe(
      'It is wanted no more, but 3 of 4 established sessions would be lost at once (2 of them just before), and the limit is 50 %.',
    );
    expect(third(25_000).remove).toEqual(['m3']);
  });

  it('do not count for sessions that come back', () => {
    const more = { now: 10_400, memory: second.memory };
    const renewed = plan(all.slice(2), [{ ...all[2].neighbour, holdTime: 30 }, all[3].neighbour], more);
    expect(renewed.reset).toEqual(['m3']);
  });

  it('stay held back, however long it takes', () => {
    expect(kinds(third(1e9, third(10_400).memory))).toEqual({ m3: 'held removed' });
  });

  it('count for nothing once they are confirmed, or the sessions are back', () => {
    const moved = plan([all[0]], [neighbour('m1:1790', { address: 'm1', port: 1790 })]);
    expect([moved.remove, moved.memory.losses.size]).toEqual([['m1'], 0]);
    const confirmed = plan(all.slice(2), [all[3].neighbour], { now: 10_400, memory: second.memory, confirmed: true });
    expect(confirmed.memory.losses.size).toBe(0);
    const back = plan(all, [all[2].neighbour, all[3].neighbour], { memory: second.memory });
    expect(back.remove).toEqual(['m1', 'm2']);
  });
});

describe('what is not about sessions that are up', () => {
  it('sets a session up anew as soon as it is down, though it was held back from that', () => {
    const renewed = MESH.map(({ neighbour: one }) => ({ ...one, peerAs: 64_999 }));
    const held = plan(MESH, renewed);
    const down = [running('m1', { up: false, since: 10_500 }), MESH[1], MESH[2]];
    const next = plan(down, renewed, { now: 11_000, memory: held.memory });
    expect([next.reset, kinds(next)]).toEqual([['m1'], { m2: 'held reset', m3: 'held reset' }]);
    const none = MESH.map(({ neighbour: one }) => running(one.key, { up: false, since: 10_500 }));
    const other = plan(MESH, renewed, { identityChanges: true });
    expect(plan(none, renewed, { now: 11_000, memory: other.memory, identityChanges: true }).takeIdentity).toBe(true);
  });

  it('changes what can be changed without a reset, and leaves the rest alone', () => {
    const filtered = neighbour('m1', { type: 'mesh', filters: ['f'] });
    const { change, reset, remove, add, postponed } = plan(MESH, [filtered, MESH[1].neighbour, MESH[2].neighbour]);
    expect({ change, reset, remove, add, size: postponed.size }).toEqual({
      change: ['m1'],
      reset: [],
      remove: [],
      add: [],
      size: 0,
    });
  });
});

describe('every plan', () => {
  const key = fc.constantFrom('m1', 'm2', 'm3', 'r1', 'r2', 'r3');
  const session = fc.record({ key, up: fc.boolean(), complete: fc.boolean(), addedAt: fc.nat(9_000) });
  const wanted = fc.record({ key, holdTime: fc.constantFrom(90, 30), heldDown: fc.boolean() });
  const inputs = fc.record({
    sessions: fc.uniqueArray(session, { selector: (one) => one.key }),
    wanted: fc.uniqueArray(wanted, { selector: (one) => one.key }),
    confirmed: fc.boolean(),
    identityChanges: fc.boolean(),
    now: fc.integer({ min: 10_000, max: 400_000 }),
    alone: fc.nat(1),
  });
  const world = inputs.map((input) => ({
    sessions: input.sessions.map(({ key: name, up, complete, addedAt }) =>
      running(name, { up, complete: up && complete, wasComplete: up && complete, addedAt }),
    ),
    wanted: input.wanted.map(({ key: name, holdTime, heldDown }) =>
      neighbour(name, { holdTime, ...(heldDown && { heldDown: 'No Secret.' }) }),
    ),
    more: {
      confirmed: input.confirmed,
      identityChanges: input.identityChanges,
      now: input.now,
      coverage: () => ({ all: 1, alone: input.alone }),
    },
  }));

  it('deals with each neighbour once, adds only what is wanted and removes only what is not', () => {
    fc.assert(
      fc.property(world, ({ sessions, wanted: wants, more }) => {
        const { remove, reset, change, add, postponed } = plan(sessions, wants, more);
        const named = [...remove, ...reset, ...change, ...add, ...postponed.keys()];
        expect(new Set(named).size).toBe(named.length);
        const keys = new Set(wants.map((one) => one.key));
        expect(remove.filter((one) => keys.has(one))).toEqual([]);
        expect([...add, ...reset, ...change].filter((one) => !keys.has(one))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('leaves an established session as long as nobody has confirmed that none is left', () => {
    fc.assert(
      fc.property(world, ({ sessions, wanted: wants, more }) => {
        fc.pre(!more.confirmed && sessions.filter(({ up }) => up).length > 1);
        const { remove, reset } = plan(sessions, wants, more);
        const lost = new Set([...remove, ...reset]);
        expect(sessions.some(({ up, neighbour: one }) => up && !lost.has(one.key))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('does all that is wanted once it is confirmed and nothing is to come up any more', () => {
    fc.assert(
      fc.property(world, ({ sessions, wanted: wants, more }) => {
        const settled = { ...more, now: 1e9, confirmed: true };
        const { postponed, takeIdentity } = plan(
          sessions,
          wants.filter((one) => sessions.some((s) => s.neighbour.key === one.key)),
          settled,
        );
        expect([postponed.size, takeIdentity]).toEqual([0, true]);
      }),
      { numRuns: 200 },
    );
  });
});
