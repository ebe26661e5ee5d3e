import { describe, expect, it } from 'vitest';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { RangeRoutes } from './range-routes.ts';

const RANGES = ['10.96.0.0/12', '203.0.113.7/32', 'fd00:96::/112'].map(parsePrefix);

function start(ranges = RANGES) {
  const routes = new RangeRoutes();
  routes.setRanges(ranges);
  const present = new Set<string>();
  const touch = (text: string) => routes.touch(parsePrefix(text));
  const take = () => {
    const changes = routes.take((prefix) => present.has(formatPrefix(prefix)));
    return changes && { added: changes.added.map(formatPrefix), removed: changes.removed.map(formatPrefix) };
  };
  return { routes, present, touch, take };
}

describe('routes within ranges', () => {
  it.each([
    ['10.96.0.0/12', true],
    ['10.111.255.255/32', true],
    ['10.112.0.0/32', false],
    ['10.0.0.0/8', false],
    ['0.0.0.0/0', false],
    ['203.0.113.7/32', true],
    ['203.0.113.8/32', false],
    ['fd00:96::1:0/128', false],
    ['fd00:96::ffff/128', true],
    ['fd00:96::/111', false],
  ])('are those whose prefix is: %s', (text, expected) => {
    const { family, words, length } = parsePrefix(text);
    expect(start().routes.covers(family, ...words, length)).toBe(expected);
  });

  it('are told when they come and go, once', () => {
    const { present, touch, take } = start();
    present.add('10.96.0.1/32');
    touch('10.96.0.1/32');
    touch('10.96.0.2/32');
    expect(take()).toEqual({ added: ['10.96.0.1/32'], removed: [] });
    touch('10.96.0.1/32');
    expect(take()).toBeUndefined();
    present.clear();
    touch('10.96.0.1/32');
    expect(take()).toEqual({ added: [], removed: ['10.96.0.1/32'] });
    expect(take()).toBeUndefined();
  });

  it('are gone where their range is', () => {
    const { routes, present, touch, take } = start();
    present.add('10.96.0.1/32').add('fd00:96::1/128');
    touch('10.96.0.1/32');
    touch('fd00:96::1/128');
    take();
    routes.setRanges(RANGES.slice(1));
    expect(take()).toEqual({ added: [], removed: ['10.96.0.1/32'] });
  });
});
