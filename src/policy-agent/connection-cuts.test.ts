import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ConnectionCuts } from './connection-cuts.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout'] }));
afterEach(() => vi.useRealTimers());

function start() {
  const rounds: string[] = [];
  const failures: unknown[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const cuts = new ConnectionCuts(
    (addresses) => {
      rounds.push(addresses.toSorted().join());
      return new Promise((resolve, reject) => waiting.push((error) => (error ? reject(error) : resolve(0))));
    },
    (error) => failures.push(error),
  );
  const end = async (error?: Error) => {
    waiting.shift()?.(error);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { cuts, rounds, failures, end };
}

it('cuts addresses that leave meanwhile together', async () => {
  const { cuts, rounds, failures, end } = start();
  cuts.add(['10.0.0.1']);
  cuts.add(['10.0.0.2', '10.0.0.3']);
  cuts.add(['10.0.0.2']);
  expect(rounds).toEqual(['10.0.0.1']);
  await end();
  expect(rounds).toEqual(['10.0.0.1', '10.0.0.2,10.0.0.3']);
  await end();
  cuts.add(['10.0.0.4']);
  expect(rounds.at(-1)).toBe('10.0.0.4');
  await end();
  expect(failures).toEqual([]);
});

it('tries again what failed, with what left meanwhile, and says so once', async () => {
  const { cuts, rounds, failures, end } = start();
  cuts.add(['10.0.0.1']);
  await end(new Error('no rights'));
  cuts.add(['10.0.0.2']);
  expect(rounds).toHaveLength(1);
  vi.advanceTimersByTime(1000);
  expect(rounds.at(-1)).toBe('10.0.0.1,10.0.0.2');
  await end(new Error('no rights'));
  expect(failures).toHaveLength(1);
  vi.advanceTimersByTime(2000);
  expect(rounds).toHaveLength(3);
  await end();
  cuts.add(['10.0.0.4']);
  expect(rounds.at(-1)).toBe('10.0.0.4');
  await end();
  expect([rounds.length, vi.getTimerCount()]).toEqual([4, 0]);
});
