import { expect, it } from 'vitest';
import { ConnectionCuts } from './connection-cuts.ts';

it('cuts addresses that leave meanwhile together, and goes on after a failure', async () => {
  const rounds: string[] = [];
  const failures: unknown[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const cuts = new ConnectionCuts(
    (addresses) => {
      rounds.push(addresses.join());
      return new Promise((resolve, reject) => waiting.push((error) => (error ? reject(error) : resolve(0))));
    },
    (error) => failures.push(error),
  );
  const end = async (error?: Error) => {
    waiting.shift()?.(error);
    await new Promise((resolve) => setImmediate(resolve));
  };
  cuts.add(['10.0.0.1']);
  cuts.add(['10.0.0.2', '10.0.0.3']);
  cuts.add(['10.0.0.2']);
  expect(rounds).toEqual(['10.0.0.1']);
  await end(new Error('no rights'));
  expect(rounds).toEqual(['10.0.0.1', '10.0.0.2,10.0.0.3']);
  expect(failures).toHaveLength(1);
  await end();
  cuts.add(['10.0.0.4']);
  expect(rounds.at(-1)).toBe('10.0.0.4');
  await end();
});
