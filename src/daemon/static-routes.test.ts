import { describe, expect, it } from 'vitest';
import type { FibNextHop } from '../fib/next-hop.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { StaticRoutes } from './static-routes.ts';

function setup() {
  const groups = new Map<number, readonly FibNextHop[]>();
  const changed: string[] = [];
  const statics = new StaticRoutes({
    defineGroup: (id, hops) => groups.set(id, hops),
    releaseGroup: (id) => groups.delete(id),
    set: () => undefined,
    flush: () => undefined,
  });
  const gateway = (text: string): string | undefined => {
    const { family, words, length } = parsePrefix(text);
    return groups.get(statics.group(family, ...words, length))?.[0].address;
  };
  const replace = (...routes: readonly (readonly [prefix: string, gateway: string])[]): string[] => {
    changed.length = 0;
    const wanted = routes.map(([prefix, via]) => ({ prefix, gateway: via, reason: `to ${prefix}` }));
    statics.replace(wanted, (prefix) => changed.push(formatPrefix(prefix)));
    return [...changed];
  };
  return { statics, groups, gateway, replace };
}

describe('static routes to neighbours', () => {
  it('come, change and go, each for itself', () => {
    const { statics, groups, gateway, replace } = setup();
    expect(replace(['192.0.2.9/32', '10.0.0.1'], ['2001:db8::9/128', 'fd00::1'])).toEqual([
      '192.0.2.9/32',
      '2001:db8::9/128',
    ]);
    expect([gateway('192.0.2.9/32'), gateway('2001:db8::9/128'), gateway('192.0.2.8/32')]).toEqual([
      '10.0.0.1',
      'fd00::1',
      undefined,
    ]);
    expect(statics.explain(parsePrefix('192.0.2.9/32'))).toBe('to 192.0.2.9/32');
    expect(replace(['192.0.2.9/32', '10.0.0.2'], ['2001:db8::9/128', 'fd00::1'])).toEqual(['192.0.2.9/32']);
    expect(gateway('192.0.2.9/32')).toBe('10.0.0.2');
    expect(replace(['2001:db8::9/128', 'fd00::1'])).toEqual(['192.0.2.9/32']);
    expect([gateway('192.0.2.9/32'), gateway('2001:db8::9/128'), groups.size]).toEqual([undefined, 'fd00::1', 1]);
  });
});
