/** What the view tells of the kernel when a dump is ahead of what notifications tell. */
import { expect, it } from 'vitest';
import { FibWorld } from '../../test/support/fib-world.ts';
import { formatPrefix } from '../net/prefix.ts';

it('tells that routes to a workload are gone where a dump tells so first', () => {
  const world = new FibWorld();
  const { kernel } = world;
  kernel.addLink('cali1', 7, '10.65.0.1/32', 'fd65::1/128');
  kernel.notifications = [];
  const { view } = world.start({ workloadInterfaces: ['cali*'] });
  expect(view.takeWorkloadChanges()?.added.map(formatPrefix)).toEqual(['10.65.0.1/32', 'fd65::1/128']);
  kernel.dropRoute('10.65.0.1/32', 0);
  kernel.dropRoute('fd65::1/128', 0);
  kernel.links.delete('cali1');
  world.resync();
  world.deliver();
  expect(view.takeWorkloadChanges()?.removed.map(formatPrefix)).toEqual(['10.65.0.1/32', 'fd65::1/128']);
});
