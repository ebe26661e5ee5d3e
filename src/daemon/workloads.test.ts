import { expect, it, vi } from 'vitest';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { Workloads } from './workloads.ts';

it('tells once that workloads came and went, however many did', async () => {
  const changed = vi.fn();
  const workloads = new Workloads(changed);
  const added = Array.from({ length: 100 }, (_, i) => ({
    ...parsePrefix(`10.244.0.${i}/32`),
    interface: `cali${i}`,
    metric: 0,
  }));
  workloads.change({ added, removed: [] });
  workloads.change({ added: [], removed: added.slice(1) });
  expect(workloads.list.map(formatPrefix)).toEqual(['10.244.0.0/32']);
  await vi.waitUntil(() => changed.mock.calls.length > 0);
  expect(changed).toHaveBeenCalledTimes(1);
  workloads.change({ added: [], removed: added });
  await vi.waitUntil(() => changed.mock.calls.length > 1);
  expect(workloads.list).toEqual([]);
});
