import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../net/address.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { ForeignRoutes } from './foreign-routes.ts';
import type { RouteOrder } from './foreign-routes.ts';
import { HopLists } from './hop-lists.ts';
import { newRouteView } from './netlink/routes.ts';
import type { KernelNextHop, RouteView } from './netlink/routes.ts';

/** A hop from `address*weight`. */
function hopOf(text: string): KernelNextHop {
  const [address, weight = '1'] = text.split('*');
  return { gateway: parseAddress(address).bytes, interfaceIndex: 2, onlink: false, weight: Number(weight) };
}

function route(prefix: string, hops: readonly string[], more: Partial<RouteView> = {}): RouteView {
  const { family, words, length } = parsePrefix(prefix);
  const [a0, a1, a2, a3] = words;
  const view = { ...newRouteView(), family, a0, a1, a2, a3, length, table: 254, protocol: 4, type: 1 };
  return { ...view, nextHops: hops.map(hopOf), ...more };
}

/** A shadow that can be looked at. */
function shadow(family: 0 | 1): {
  lists: HopLists;
  routes: ForeignRoutes;
  changed: Set<string>;
  rows: (prefix: string) => string[];
} {
  const lists = new HopLists();
  const changed = new Set<string>();
  const routes: ForeignRoutes = new ForeignRoutes(family, lists, (id) =>
    changed.add(formatPrefix(routes.prefixes.prefix(id))),
  );
  const rows = (text: string) => {
    const { words, length } = parsePrefix(text);
    return routes.rowsOf(routes.prefixes.find(...words, length)).map((row) => {
      const hops = lists.get(routes.hopList(row)).hops.map(({ gateway, interfaceIndex, weight }) => {
        return gateway.length > 0 ? `${formatAddress(gateway)}*${weight}` : `dev ${interfaceIndex}`;
      });
      return `${routes.metric(row)} ${hops.join('+')}`;
    });
  };
  return { lists, routes, changed, rows };
}

describe('IPv4 routes of one prefix', () => {
  it('are in the order of the kernel', () => {
    const { routes, rows } = shadow(0);
    const add = (gateway: string, order: RouteOrder, metric = 0) =>
      routes.add(route('10.0.0.0/8', [gateway], { metric }), order);
    add('10.0.0.1', 'prepend');
    add('10.0.0.2', 'append');
    add('10.0.0.3', 'prepend');
    add('10.0.0.4', 'prepend', 7);
    add('10.0.0.2', 'append');
    expect(rows('10.0.0.0/8')).toEqual(['0 10.0.0.3*1', '0 10.0.0.1*1', '0 10.0.0.2*1', '7 10.0.0.4*1']);
    add('10.0.0.5', 'replace');
    expect(rows('10.0.0.0/8')).toEqual(['0 10.0.0.5*1', '0 10.0.0.1*1', '0 10.0.0.2*1', '7 10.0.0.4*1']);
    add('10.0.0.6', 'replace', 7);
    routes.remove(route('10.0.0.0/8', ['10.0.0.1']));
    expect(rows('10.0.0.0/8')).toEqual(['0 10.0.0.5*1', '0 10.0.0.2*1', '7 10.0.0.6*1']);
  });

  it('go only with their own next hops, type and protocol', () => {
    const { routes, rows } = shadow(0);
    routes.add(route('10.0.0.0/8', ['10.0.0.1', '10.0.0.2*3']), 'append');
    routes.remove(route('10.0.0.0/8', ['10.0.0.1']));
    routes.remove(route('10.0.0.0/8', ['10.0.0.1', '10.0.0.2*3'], { protocol: 3 }));
    routes.remove(route('10.0.0.0/8', ['10.0.0.1', '10.0.0.2*3'], { table: 100 }));
    expect(rows('10.0.0.0/8')).toEqual(['0 10.0.0.1*1+10.0.0.2*3']);
    routes.remove(route('10.0.0.0/8', ['10.0.0.1', '10.0.0.2*3']));
    expect(rows('10.0.0.0/8')).toEqual([]);
    expect(routes.prefixes.count).toBe(0);
  });
});

describe('IPv6 routes of one prefix', () => {
  it('are joined by the kernel, which tells of all when one is added and of each that goes', () => {
    const { routes, rows, changed } = shadow(1);
    routes.add(route('fd00::/16', ['fd01::1']), 'prepend');
    routes.add(route('fd00::/16', ['fd01::2', 'fd01::1'], { protocol: 3 }), 'append');
    expect(rows('fd00::/16')).toEqual(['0 fd01::1*1', '0 fd01::2*1']);
    changed.clear();
    routes.add(route('fd00::/16', ['fd01::2', 'fd01::1']), 'append');
    expect([...changed]).toEqual([]);
    routes.remove(route('fd00::/16', ['fd01::1'], { protocol: 3 }));
    expect(rows('fd00::/16')).toEqual(['0 fd01::2*1']);
    routes.add(route('fd00::/16', ['fd01::3*2', 'fd01::4*5']), 'replace');
    expect(rows('fd00::/16')).toEqual(['0 fd01::3*2', '0 fd01::4*5']);
    routes.remove(route('fd00::/16', ['fd01::3', 'fd01::4']));
    expect(rows('fd00::/16')).toEqual([]);
  });

  it('without a gateway stand side by side', () => {
    const { routes, rows } = shadow(1);
    const direct = (interfaceIndex: number): Partial<RouteView> => ({
      nextHops: [{ gateway: new Uint8Array(0), interfaceIndex, onlink: false, weight: 1 }],
      protocol: 2,
    });
    routes.add(route('fd00::/16', [], direct(2)), 'prepend');
    routes.add(route('fd00::/16', [], direct(3)), 'prepend');
    expect(rows('fd00::/16')).toEqual(['0 dev 2', '0 dev 3']);
    routes.remove(route('fd00::/16', [], direct(2)));
    expect(rows('fd00::/16')).toEqual(['0 dev 3']);
  });
});

describe('a shadow', () => {
  it('gives back all that it held, and is equal to one made in the same way', () => {
    const change = fc.record({
      prefix: fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24'),
      hops: fc.array(fc.constantFrom('10.0.0.1', '10.0.0.2*3', '10.0.0.3'), { minLength: 1, maxLength: 2 }),
      metric: fc.constantFrom(0, 5),
      order: fc.constantFrom<RouteOrder | 'remove'>('replace', 'append', 'prepend', 'remove', 'remove'),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const lists = new HopLists();
        const [one, other] = [0, 1].map(() => new ForeignRoutes(0, lists, () => {}));
        for (const routes of [one, other]) {
          for (const { prefix, hops, metric, order } of changes) {
            if (order === 'remove') routes.remove(route(prefix, hops, { metric }));
            else routes.add(route(prefix, hops, { metric }), order);
          }
        }
        const marks = lists.marks(() => true) ?? new Uint8Array(0);
        let rows = 0;
        one.forMarked(marks, (id) => {
          rows++;
          expect(one.sameRows(id, other, id)).toBe(true);
        });
        expect(rows).toBe(one.count);
        one.removeMarked(marks, () => true);
        expect([one.count, one.prefixes.count]).toEqual([0, 0]);
        other.dispose();
        expect(lists.marks(() => true)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  it('holds many routes', () => {
    const { routes, lists } = shadow(0);
    for (let i = 0; i < 5000; i++)
      routes.add({ ...route('10.0.0.0/24', ['10.0.0.1']), a0: 0x0a000000 + i * 256 }, 'append');
    expect(routes.count).toBe(5000);
    const marks = lists.marks(() => true)!;
    routes.removeMarked(marks, (row) => row % 2 === 0);
    expect(routes.count).toBe(2500);
    expect(
      routes.prefixes.matches(parsePrefix('10.0.1.9/32')).length +
        routes.prefixes.matches(parsePrefix('10.0.0.9/32')).length,
    ).toBe(1);
  });
});
