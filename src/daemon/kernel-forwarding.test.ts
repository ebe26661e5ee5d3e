import { describe, expect, it, vi } from 'vitest';
import type { FibNextHop } from '../fib/next-hop.ts';
import type { ProgrammingRule } from '../fib/programming.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import { PrefixTable } from '../rib/prefix-table.ts';
import { KernelForwarding } from './kernel-forwarding.ts';

/** What the kernel would have: next hops in words by prefix, through the groups that are defined. */
function fakeFib() {
  const groups = new Map<number, string>([[1, 'blackhole']]);
  const routes = new Map<string, string>();
  let writes = 0;
  return {
    routes,
    groups,
    written: () => writes,
    target: {
      defineGroup: (id: number, hops: readonly FibNextHop[]) => {
        expect(groups.has(id)).toBe(false);
        groups.set(id, hops.map(hopWords).join(' '));
      },
      releaseGroup: (id: number) => {
        expect(groups.delete(id)).toBe(true);
      },
      set: (family: 0 | 1, a0: number, a1: number, a2: number, a3: number, length: number, group: number) => {
        writes++;
        const prefix = formatPrefix({ family, words: [a0, a1, a2, a3], length });
        if (group === 0) routes.delete(prefix);
        else routes.set(prefix, groups.get(group) ?? `unknown group ${group}`);
      },
      flush: () => undefined,
    },
  };
}

function hopWords({ address, interface: link, tunnel, weight }: FibNextHop): string {
  const crossing = tunnel?.crossSubnet === true ? '?' : '';
  return `${address}${link === undefined ? '' : `%${link}`}${tunnel === undefined ? '' : `/${tunnel.kind}${crossing}`}${weight === 1 ? '' : `*${weight}`}`;
}

function rule(prefix: string, verdict: ProgrammingRule['verdict']): ProgrammingRule {
  return { prefix: parsePrefix(prefix), match: 'within', verdict, why: `pool ${prefix}` };
}

/** The RIB as far as it matters here: it remembers the group of each prefix. */
function setup() {
  const fib = fakeFib();
  const forwarding = new KernelForwarding(fib.target);
  const table = (family: 0 | 1) => ({ prefixes: new PrefixTable(family), nextHopGroup: new Uint32Array(32_768) });
  const tables = [table(0), table(1)] as const;
  const set = (text: string, group: number) => {
    const { family, words, length } = parsePrefix(text);
    const { prefixes, nextHopGroup } = tables[family];
    const id = prefixes.intern(...words, length);
    prefixes.hold(id);
    nextHopGroup[id] = group;
    forwarding.set(family, id, ...words, length, group);
  };
  const configure = (rules: readonly ProgrammingRule[], blackholes: readonly string[] = []) =>
    forwarding.configure(rules, blackholes.map(parsePrefix), tables);
  const setStatic = (prefix: string, gateway: string) =>
    forwarding.setStatics(gateway === '' ? [] : [{ prefix, gateway, reason: 'BGPPeer far' }], tables);
  return { fib, forwarding, set, configure, setStatic, tables };
}

describe('routes for the kernel', () => {
  it('are wrapped, left as they are, or left to others, as the rules say', () => {
    const { fib, forwarding, set, configure } = setup();
    configure([rule('10.1.0.0/16', 'ipip-cross-subnet'), rule('10.2.0.0/16', 'reject'), rule('10.3.0.0/16', 'vxlan')]);
    forwarding.define(7, [{ address: '10.0.0.2', interface: undefined, weight: 1 }]);
    set('10.1.2.0/26', 7);
    set('10.2.2.0/26', 7);
    set('10.3.2.0/26', 7);
    set('0.0.0.0/0', 7);
    expect(Object.fromEntries(fib.routes)).toEqual({
      '10.1.2.0/26': '10.0.0.2/ipip?',
      '10.3.2.0/26': '10.0.0.2/vxlan',
      '0.0.0.0/0': '10.0.0.2',
    });
    expect(forwarding.explain(parsePrefix('10.2.2.0/26'))).toEqual({
      rejected: true,
      why: 'left to others: pool 10.2.0.0/16',
    });
    expect(forwarding.counts).toEqual([3, 0]);
    expect([...fib.groups.keys()]).toHaveLength(4);
    forwarding.release(7);
    expect([...fib.groups.keys()]).toEqual([1]);
  });

  it('have their next hops weighted as the RIB has them', () => {
    const { fib, forwarding, set } = setup();
    const members = [1, 3].map((weight) => ({ address: `10.0.0.${weight}`, interface: undefined, weight }));
    forwarding.define(7, members);
    set('10.1.2.0/26', 7);
    expect(fib.routes.get('10.1.2.0/26')).toBe('10.0.0.1 10.0.0.3*3');
  });

  it('give way to the static route to a neighbour, and are there again without it', () => {
    const { fib, forwarding, set, configure, setStatic } = setup();
    configure([rule('192.0.2.0/24', 'reject')]);
    forwarding.define(7, [{ address: '10.0.0.2', interface: undefined, weight: 1 }]);
    set('192.0.2.9/32', 7);
    set('198.51.100.9/32', 7);
    setStatic('192.0.2.9/32', '10.0.0.1');
    expect(fib.routes.get('192.0.2.9/32')).toBe('10.0.0.1');
    expect(forwarding.explain(parsePrefix('192.0.2.9/32'))).toEqual({ rejected: false, why: 'BGPPeer far' });
    setStatic('198.51.100.9/32', '10.0.0.1');
    set('198.51.100.9/32', 7);
    expect(Object.fromEntries(fib.routes)).toEqual({ '198.51.100.9/32': '10.0.0.1' });
    setStatic('198.51.100.9/32', '');
    expect(Object.fromEntries(fib.routes)).toEqual({ '198.51.100.9/32': '10.0.0.2' });
  });

  it('keep the link of a link-local next hop, and take a group number again', () => {
    const { fib, forwarding, set } = setup();
    forwarding.define(100, [{ address: 'fe80::1', interface: 'eth0', weight: 1 }]);
    set('2001:db8::/32', 100);
    expect(fib.routes.get('2001:db8::/32')).toBe('fe80::1%eth0');
    set('2001:db8::/32', 0);
    forwarding.release(100);
    forwarding.define(100, [{ address: 'fd00::1', interface: undefined, weight: 1 }]);
    set('2001:db8::/32', 100);
    expect(fib.routes.get('2001:db8::/32')).toBe('fd00::1');
  });

  it('are judged anew when the rules change, and only then', async () => {
    const { fib, forwarding, set, configure } = setup();
    forwarding.define(1, [{ address: '10.0.0.2', interface: undefined, weight: 1 }]);
    const prefixes = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    for (const prefix of prefixes) set(prefix, 1);
    set('fd00:1::/64', 1);
    configure([rule('10.0.0.0/8', 'ipip'), rule('fd00::/8', 'reject')]);
    await vi.waitUntil(() => !fib.routes.has('fd00:1::/64'));
    expect(prefixes.every((prefix) => fib.routes.get(prefix) === '10.0.0.2/ipip')).toBe(true);
    expect(forwarding.counts).toEqual([prefixes.length, 0]);
    const written = fib.written();
    configure([rule('10.0.0.0/8', 'ipip'), rule('fd00::/8', 'reject')]);
    configure([rule('10.0.0.0/8', 'plain')]);
    await vi.waitUntil(() => fib.routes.has('fd00:1::/64'));
    expect(prefixes.every((prefix) => fib.routes.get(prefix) === '10.0.0.2')).toBe(true);
    expect(fib.written()).toBe(written + prefixes.length + 1);
    expect(forwarding.counts).toEqual([prefixes.length, 1]);
    for (const prefix of prefixes.slice(0, 5000)) set(prefix, 0);
    expect(forwarding.counts).toEqual([15_000, 1]);
  });
});

describe('blackholes of own blocks', () => {
  it('stand where the RIB has no route for just that prefix', () => {
    const { fib, forwarding, set, configure } = setup();
    forwarding.define(1, [{ address: '10.0.0.2', interface: undefined, weight: 1 }]);
    configure([], ['10.1.2.0/26', 'fd00:1::/122']);
    expect(Object.fromEntries(fib.routes)).toEqual({ '10.1.2.0/26': 'blackhole', 'fd00:1::/122': 'blackhole' });
    set('10.1.2.0/26', 1);
    set('10.1.2.4/32', 1);
    expect(fib.routes.get('10.1.2.0/26')).toBe('10.0.0.2');
    expect(forwarding.counts).toEqual([2, 0]);
    configure([], ['10.1.2.0/26']);
    expect(fib.routes.has('fd00:1::/122')).toBe(false);
    set('10.1.2.0/26', 0);
    set('10.1.2.4/32', 0);
    expect(Object.fromEntries(fib.routes)).toEqual({ '10.1.2.0/26': 'blackhole' });
    configure([], []);
    expect(fib.routes.size).toBe(0);
  });

  it('leave a route alone that comes to be wanted as a blackhole too', () => {
    const { fib, forwarding, set, configure } = setup();
    forwarding.define(1, [{ address: '10.0.0.2', interface: undefined, weight: 1 }]);
    set('10.1.2.0/26', 1);
    configure([], ['10.1.2.0/26']);
    expect(fib.routes.get('10.1.2.0/26')).toBe('10.0.0.2');
    configure([], []);
    expect(fib.routes.get('10.1.2.0/26')).toBe('10.0.0.2');
  });
});

describe('addresses of services as in Calico', () => {
  const CASES: [what: string, address: string, closed: boolean][] = [
    ['in no range', '203.0.113.7/32', true],
    ['IPv6', 'fd00:9::7/128', true],
    ['in a range, or a pool of which others program the routes', '10.96.0.10/32', false],
    ['a range as a whole', '203.0.113.0/24', false],
  ];

  it.each(CASES)('are blackholes while they are advertised, unless a rule rejects them: %s', (_, address, closed) => {
    const { fib, forwarding, tables, set } = setup();
    const prefix = parsePrefix(address);
    const rules = [rule('10.96.0.0/12', 'reject'), rule('203.0.0.0/8', 'plain')];
    const expected = closed ? [[address, 'blackhole']] : [];
    forwarding.configure(rules, [], tables, true);
    forwarding.changeServices([{ prefix }], [], tables);
    forwarding.changeServices([{ prefix }], [], tables);
    expect([...fib.routes]).toEqual(expected);
    expect(forwarding.explain(prefix).why.startsWith('a blackhole')).toBe(closed);
    expect(forwarding.counts).toEqual([0, 0]);
    // The routes of others to the address are used when it is not advertised here any more.
    forwarding.define(1, [{ address: '10.0.0.2', interface: undefined, weight: 1 }]);
    forwarding.changeServices([], [prefix], tables);
    expect(fib.routes.size).toBe(0);
    set(address, 1);
    expect([...fib.routes]).toEqual(address.startsWith('10.96') ? [] : [[address, '10.0.0.2']]);
  });

  it('follow the setting and the rules', () => {
    const { fib, forwarding, tables } = setup();
    const configure = (closes: boolean, ...rules: ProgrammingRule[]) => {
      forwarding.configure(rules, [], tables, closes);
      return [...fib.routes.keys()];
    };
    configure(false);
    forwarding.changeServices([{ prefix: parsePrefix('203.0.113.7/32') }], [], tables);
    expect(configure(false)).toEqual([]);
    expect(configure(true)).toEqual(['203.0.113.7/32']);
    expect(configure(true, rule('203.0.113.0/24', 'reject'))).toEqual([]);
    expect(configure(true)).toEqual(['203.0.113.7/32']);
    expect(configure(false)).toEqual([]);
  });
});

describe('routes within ranges', () => {
  it('are told as they come and go, but for those that are left to others', () => {
    const { forwarding, set, configure, tables } = setup();
    const told: string[] = [];
    const words = (sign: string) => (prefix: Parameters<typeof formatPrefix>[0]) =>
      told.push(sign + formatPrefix(prefix));
    forwarding.define(1, [{ address: '10.0.0.2', interface: undefined, weight: 1 }]);
    configure([rule('203.0.113.128/25', 'reject')]);
    for (const prefix of ['203.0.113.7/32', '203.0.113.129/32', '203.0.112.0/20']) set(prefix, 1);
    forwarding.setRanges([parsePrefix('203.0.113.0/24'), parsePrefix('fd00:1::/64')], tables, ({ added, removed }) => {
      added.forEach(words('+'));
      removed.forEach(words('-'));
    });
    expect(told).toEqual(['+203.0.113.7/32']);
    set('fd00:1::1/128', 1);
    set('203.0.113.7/32', 0);
    forwarding.flush();
    expect(told.slice(1)).toEqual(['+fd00:1::1/128', '-203.0.113.7/32']);
  });
});
