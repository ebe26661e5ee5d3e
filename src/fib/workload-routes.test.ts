import { describe, expect, it } from 'vitest';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { WorkloadRoutes } from './workload-routes.ts';

describe('interfaces of workloads', () => {
  it.each([
    ['cali*', 'cali123', true],
    ['cali*', 'xcali123', false],
    ['tap?', 'tap1', true],
    ['tap?', 'tap12', false],
    ['a.b', 'axb', false],
    ['a.b', 'a.b', true],
    ['eni[0]+', 'eni[0]+', true],
  ])('%s and %s: %s', (glob, name, expected) => {
    expect(new WorkloadRoutes(['nothing', glob]).matches(name)).toBe(expected);
  });
});

describe('other interfaces of workloads', () => {
  it('take the place of those before', () => {
    const routes = new WorkloadRoutes(['cali*']);
    routes.setInterfaces(['eni*']);
    expect(['cali1', 'eni1'].map((name) => routes.matches(name))).toEqual([false, true]);
  });
});

describe('changes of workload routes', () => {
  it('are the difference to what was told before', () => {
    const routes = new WorkloadRoutes(['cali*']);
    let way = { interface: 'cali1', metric: 0 };
    const there = new Set(['10.0.0.1/32', '10.0.0.2/32']);
    const take = () => {
      const changes = routes.take((prefix) => (there.has(formatPrefix(prefix)) ? way : undefined));
      return changes && [changes.added.map(formatPrefix), changes.removed.map(formatPrefix)];
    };
    for (const prefix of ['10.0.0.1/32', '10.0.0.2/32', '10.0.0.3/32']) routes.touch(parsePrefix(prefix));
    expect(take()).toEqual([['10.0.0.1/32', '10.0.0.2/32'], []]);
    expect(take()).toBeUndefined();
    there.delete('10.0.0.1/32');
    routes.touch(parsePrefix('10.0.0.1/32'));
    routes.touch(parsePrefix('10.0.0.2/32'));
    expect(take()).toEqual([[], ['10.0.0.1/32']]);
    way = { interface: 'cali1', metric: 512 };
    routes.touch(parsePrefix('10.0.0.2/32'));
    expect(take()).toEqual([['10.0.0.2/32'], []]);
  });

  it('leave out networks, link-local addresses and multicast', () => {
    const routes = new WorkloadRoutes([]);
    for (const prefix of [
      '10.0.0.0/31',
      '169.254.1.1',
      '224.0.0.5',
      '239.1.1.1',
      'fe80::1',
      'febf::1',
      'ff02::1',
      'fd00::/64',
    ]) {
      routes.touch(parsePrefix(prefix));
    }
    const way = { interface: 'cali1', metric: 0 };
    expect(routes.take(() => way)).toBeUndefined();
    routes.touch(parsePrefix('fec0::1'));
    expect(routes.take(() => way)?.added).toHaveLength(1);
  });
});
