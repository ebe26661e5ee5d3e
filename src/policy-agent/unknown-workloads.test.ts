import { expect, it } from 'vitest';
import { unknownWorkloads } from './unknown-workloads.ts';

it('names interfaces of workloads that nobody knows', () => {
  const words = unknownWorkloads('vm', ['lo', 'tap9', 'cali2', 'eth0', 'cali1', 'cali4', 'cali3'], ['cali', 'tap']);
  expect(words).toMatch(
    /^No workload of node "vm" is known, .* \(cali1, cali2, cali3 and 2 more\), .*: check nodeName/,
  );
  expect(unknownWorkloads('vm', ['cali1'], ['cali'])).toContain('(cali1),');
  expect(unknownWorkloads('vm', ['lo', 'eth0', 'vcali'], ['cali'])).toBeUndefined();
});
