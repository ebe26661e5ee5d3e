import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InitialSync } from './initial-sync.ts';
import type { PeerProgress } from './initial-sync.ts';

const LATE: PeerProgress = { off: false, complete: false, restarting: false };
const RESTARTING: PeerProgress = { ...LATE, restarting: true };
const COMPLETE: PeerProgress = { ...LATE, complete: true };
const OFF: PeerProgress = { ...LATE, off: true };

let steps: string[];
let sync: InitialSync;

beforeEach(() => {
  vi.useFakeTimers();
  steps = [];
  sync = new InitialSync({ tell: () => steps.push('tell'), finish: () => steps.push('finish') });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the start', () => {
  it('is over when every peer that is to be expected has told all it has', () => {
    sync.datastoreSynced();
    sync.check([COMPLETE, LATE, OFF]);
    expect(steps).toEqual([]);
    sync.check([COMPLETE, COMPLETE, OFF]);
    expect(steps).toEqual(['tell', 'finish']);
  });

  it('is not over before the peers are known', () => {
    sync.check([]);
    expect(steps).toEqual([]);
    sync.datastoreSynced();
    sync.check([]);
    expect(steps).toEqual(['tell', 'finish']);
  });

  it('lets End-of-RIB go out before that of peers that wait for it, but keeps what they may still tell', () => {
    sync.datastoreSynced();
    sync.check([COMPLETE, RESTARTING]);
    sync.check([COMPLETE, RESTARTING]);
    expect(steps).toEqual(['tell']);
    sync.check([COMPLETE, { ...RESTARTING, complete: true }]);
    expect(steps).toEqual(['tell', 'finish']);
  });

  it('waits for nobody longer than two minutes', () => {
    sync.datastoreSynced();
    sync.check([LATE]);
    vi.advanceTimersByTime(119_999);
    expect(steps).toEqual([]);
    vi.advanceTimersByTime(1);
    sync.check([COMPLETE]);
    expect(steps).toEqual(['tell', 'finish']);
  });

  it('never ends where the daemon is stopped before', () => {
    sync.datastoreSynced();
    sync.stop();
    sync.check([COMPLETE]);
    vi.advanceTimersByTime(200_000);
    expect(steps).toEqual([]);
  });
});
