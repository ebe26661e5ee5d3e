import { beforeEach, describe, expect, it } from 'vitest';
import { NeighbourStates, neighbourKey } from './neighbour-states.ts';
import {
  NUD_DELAY,
  NUD_FAILED,
  NUD_INCOMPLETE,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_REACHABLE,
  NUD_STALE,
} from './netlink/constants.ts';

const address = Uint8Array.of(10, 0, 0, 2);
const key = neighbourKey({ interfaceIndex: 3, address });

function entry(state: number, interfaceIndex = 3): { interfaceIndex: number; address: Uint8Array; state: number } {
  return { interfaceIndex, address, state };
}

describe('a neighbour', () => {
  let told: string[] = [];
  let states = new NeighbourStates(() => {});
  beforeEach(() => {
    told = [];
    states = new NeighbourStates((changed) => told.push(changed));
  });

  it('fails once the kernel says so, and not while it is looked for the first time', () => {
    states.update(entry(NUD_INCOMPLETE), false);
    expect(states.failed.size).toBe(0);
    states.update(entry(NUD_FAILED), false);
    states.update(entry(NUD_FAILED), false);
    expect([...states.failed.keys()]).toEqual([key]);
    expect(told).toEqual([key]);
  });

  it.each([NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PERMANENT, NUD_NOARP])('answers again in state %i', (state) => {
    states.update(entry(NUD_FAILED), false);
    states.update(entry(NUD_INCOMPLETE), false);
    expect(states.failed.has(key)).toBe(true);
    states.update(entry(state), false);
    expect(states.failed.has(key)).toBe(false);
    expect(told).toEqual([key, key]);
  });

  it('is forgotten with its entry, unless somebody still asks about it', () => {
    states.update(entry(NUD_FAILED), false);
    states.watched.add(key);
    states.update(entry(NUD_FAILED), true);
    states.replace([]);
    states.replace([entry(NUD_INCOMPLETE)]);
    expect(states.failed.has(key)).toBe(true);
    states.watched.delete(key);
    states.update(entry(NUD_FAILED), true);
    expect(states.failed.has(key)).toBe(false);
  });

  it('is taken from a list of all there are', () => {
    states.update(entry(NUD_FAILED), false);
    states.replace([entry(NUD_REACHABLE), entry(NUD_FAILED, 4)]);
    expect([...states.failed.values()].map(({ interfaceIndex }) => interfaceIndex)).toEqual([4]);
    states.replace([]);
    expect(states.failed.size).toBe(0);
  });

  it('starts afresh when its link was down', () => {
    states.update(entry(NUD_FAILED), false);
    states.update(entry(NUD_FAILED, 4), false);
    states.forgetInterface(3);
    expect([...states.failed.values()].map(({ interfaceIndex }) => interfaceIndex)).toEqual([4]);
  });
});
