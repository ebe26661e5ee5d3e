import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KernelView } from '../../src/fib/kernel-view.ts';
import { NextHopResolver } from '../../src/fib/next-hop-resolver.ts';
import type { Resolution } from '../../src/fib/next-hop-resolver.ts';
import { nextHopKey } from '../../src/fib/next-hop.ts';
import type { FibNextHop } from '../../src/fib/next-hop.ts';
import { formatAddress } from '../../src/net/address.ts';
import { formatPrefix, parsePrefix } from '../../src/net/prefix.ts';
import { waitFor } from '../support/wait-for.ts';
import { ViewNode, texts } from './kernel-view-fixture.ts';

/** How many random histories to try; more by hand. */
const RUNS = Number(process.env.VIEW_RUNS ?? 15);
const NO_TUNNELS = { vxlan: () => ({ why: 'there is no overlay' }) };

/** What a view says of every address and link that the random changes can concern. */
function told(view: KernelView): string[] {
  const hosts = ['8.8.8.8', '10.0.0.2', '10.0.1.2', '10.9.0.1', '10.9.1.1', '10.9.1.2'];
  const hosts6 = ['2001::1', 'fd00:0::2', 'fd00:1::2', 'fd09::1', 'fd09:1::1', 'fd09:1::2'];
  const routes = [...hosts, ...hosts6].map((host) => {
    const route = view.lookUp(parsePrefix(host));
    if (route === undefined) return `${host}: none`;
    const hops = route.hops.map(({ gateway, interfaceIndex, weight }) => {
      return `${gateway.length > 0 ? formatAddress(gateway) : 'direct'}%${interfaceIndex}*${weight}`;
    });
    const { prefix, type, protocol, metric } = route;
    return `${host}: ${formatPrefix(prefix)} type ${type} protocol ${protocol} metric ${metric} ${hops.toSorted().join(' ')}`;
  });
  const links = ['eth0', 'eth1'].map((name) => `${name}: ${view.linkByName(name)?.up}`);
  return [...routes, ...links, [...view.ownAddresses].toSorted().join(' ')];
}

const GATEWAYS = ['10.0.0.2 dev eth0', '10.0.0.3 dev eth0', '10.0.1.2 dev eth1', '10.0.1.3 dev eth1'];
const GATEWAYS6 = ['fd00:0::2 dev eth0', 'fd00:0::3 dev eth0', 'fd00:1::2 dev eth1', 'fd00:1::3 dev eth1'];
const verb = fc.constantFrom('add', 'append', 'prepend', 'replace', 'change', 'del', 'del');
const metric = fc.constantFrom('', ' metric 50', ' metric 60');
const protocol = fc.constantFrom(' proto static', ' proto dhcp', ' proto static', ' proto ra');

function targets(gateways: readonly string[]): fc.Arbitrary<string> {
  const gateway = fc.constantFrom(...gateways);
  const several = fc.uniqueArray(gateway, { minLength: 2, maxLength: 3 });
  return fc.oneof(
    gateway.map((text) => `via ${text}`),
    gateway.map((text) => `via ${text} onlink`),
    fc.constantFrom('dev eth0', 'dev eth1'),
    several.map((list) => list.map((text, i) => `nexthop via ${text} weight ${i + 1}`).join(' ')),
    fc.constantFrom('nhid 1', 'nhid 2', 'nhid 9'),
  );
}

/** A change of a route, as `ip` takes it; not each of them succeeds. */
function routeChange(option: string, prefixes: readonly string[], target: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const prefix = fc.constantFrom(...prefixes);
  const forward = fc.tuple(verb, prefix, metric, protocol, target).map(([verb, prefix, metric, protocol, target]) => {
    const ordered = target.startsWith('nexthop') || target.startsWith('nhid');
    return `${option}route ${verb} ${prefix}${metric}${protocol} ${target}`.replace(
      / proto ra/,
      ordered ? '' : ' proto ra',
    );
  });
  const drop = fc
    .tuple(verb, fc.constantFrom('blackhole', 'unreachable', 'prohibit', 'throw'), prefix, metric)
    .map(([verb, type, prefix, metric]) => `${option}route ${verb} ${type} ${prefix}${metric}`);
  const bare = prefix.map((prefix) => `${option}route del ${prefix}`);
  const withTos = prefix.map((prefix) => `${option}route add ${prefix} tos 0x10 dev eth0`);
  // With a metric of its own: the kernel would join it with others to one IPv6 route.
  const own = fc.tuple(prefix, target).map(([prefix, t]) => `${option}route add ${prefix} metric 2000 proto bird ${t}`);
  return fc.oneof({ weight: 6, arbitrary: forward }, drop, bare, withTos, own);
}

const routeChanges = fc.oneof(
  {
    weight: 3,
    arbitrary: routeChange('', ['default', '10.9.0.0/16', '10.9.1.0/24', '10.9.1.1/32'], targets(GATEWAYS)),
  },
  {
    weight: 3,
    arbitrary: routeChange('-6 ', ['default', 'fd09::/16', 'fd09:1::/32', 'fd09:1::1/128'], targets(GATEWAYS6)),
  },
  fc.constantFrom(
    'nexthop del id 1',
    'nexthop del id 2',
    'nexthop replace id 1 via 10.0.0.2 dev eth0',
    'nexthop replace id 1 via 10.0.1.2 dev eth1',
    'nexthop replace id 2 via fd00:1::2 dev eth1',
    'nexthop replace id 9 group 1',
    'nexthop replace id 9 group 1,3/2,7',
  ),
);
const linkChanges = fc.constantFrom('link set eth0 down', 'link set eth1 down', 'link set eth0 up', 'link set eth1 up');
const addressChanges = fc.constantFrom(
  'address del 10.0.0.1/24 dev eth0',
  'address add 10.0.0.1/24 dev eth0',
  'address add 10.0.0.9/24 dev eth0',
  'address del 10.0.0.9/24 dev eth0',
  'address del fd00:1::1/64 dev eth1',
  'address add fd00:1::1/64 dev eth1 nodad',
);
const RESET = [
  'link set eth0 up',
  'link set eth1 up',
  ...['static', 'dhcp', 'boot', 'ra', 'bird'].map((protocol) => `route flush proto ${protocol}`),
  ...['static', 'dhcp', 'boot', 'ra', 'bird'].map((protocol) => `-6 route flush proto ${protocol}`),
  'address flush dev eth0 scope global',
  'address flush dev eth1 scope global',
  'nexthop flush',
  ...[0, 1].flatMap((n) => [`address add 10.0.${n}.1/24 dev eth${n}`, `address add fd00:${n}::1/64 dev eth${n} nodad`]),
  'nexthop add id 1 via 10.0.0.2 dev eth0',
  'nexthop add id 2 via fd00:0::2 dev eth0',
  'nexthop add id 3 via 10.0.1.3 dev eth1',
  'nexthop add id 9 group 1/3',
];

describe('the view of the kernel', () => {
  let node: ViewNode;
  beforeAll(() => {
    node = new ViewNode();
  });
  afterAll(() => node[Symbol.dispose]());

  /** Makes changes in bursts and holds the view that was told of them against one that reads everything. */
  async function follow(
    changes: readonly (readonly string[])[],
    compatMode: number,
    mayRefresh: boolean,
  ): Promise<void> {
    node.setSysctl('ipv4/nexthop_compat_mode', compatMode);
    node.ipBatch(RESET);
    const view = node.view();
    node.deliver(view);
    for (const burst of changes) {
      node.ipBatch(burst);
      // The kernel brings IPv6 addresses into use and tells of them a little later.
      const same = () => {
        node.deliver(view);
        if (mayRefresh && view.refreshDue) view.refresh();
        const [actual, wanted] = [told(view), told(node.view())];
        return actual.join('\n') === wanted.join('\n') ? true : { actual, wanted };
      };
      await waitFor(same, { what: 'the views to agree', timeoutMs: 1500, accept: (outcome) => outcome === true });
    }
  }

  it.each([0, 1])('follows routes and links by notifications alone (nexthop_compat_mode %i)', async (compatMode) => {
    const bursts = fc.array(
      fc.array(fc.oneof({ weight: 8, arbitrary: routeChanges }, linkChanges), { minLength: 1, maxLength: 6 }),
      {
        minLength: 1,
        maxLength: 6,
      },
    );
    const property = fc.asyncProperty(bursts, (changes) => follow(changes, compatMode, false));
    await expect(fc.assert(property, { numRuns: RUNS })).resolves.toBeUndefined();
  });

  it('follows addresses as well, reading anew where it says that it is due', async () => {
    const change = fc.oneof({ weight: 4, arbitrary: routeChanges }, linkChanges, {
      weight: 2,
      arbitrary: addressChanges,
    });
    const bursts = fc.array(fc.array(change, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 });
    const property = fc.asyncProperty(bursts, (changes) => follow(changes, 0, true));
    await expect(fc.assert(property, { numRuns: RUNS })).resolves.toBeUndefined();
  });
});

/** What a next hop comes to, in one line. */
function line(resolution: Resolution): string {
  if ('why' in resolution) return `no: ${resolution.why}`;
  const hops = resolution.hops.map(({ gateway, interfaceIndex, onlink, weight }) => {
    return `${gateway.length > 0 ? formatAddress(gateway) : ''}%${interfaceIndex}${onlink ? '!' : ''}*${weight}`;
  });
  return `${hops.join(' ')} metric ${resolution.metric}: ${resolution.words}`;
}

function hop(address: string, more: Partial<FibNextHop> = {}): FibNextHop {
  return { address, weight: 1, ...more };
}

describe('the resolver', () => {
  /** A node with a view, a resolver, and the number of `eth0`; `eth1` has the next one. */
  function setUp(): {
    node: ViewNode;
    view: KernelView;
    resolver: NextHopResolver;
    eth0: number;
    say: (h: FibNextHop) => string;
  } & Disposable {
    const node = new ViewNode();
    const view = node.view();
    const resolver = new NextHopResolver(view, NO_TUNNELS);
    const say = (next: FibNextHop) => line(resolver.resolve(next));
    const eth0 = view.linkByName('eth0')!.index;
    return { node, view, resolver, eth0, say, [Symbol.dispose]: () => node[Symbol.dispose]() };
  }

  it('finds the way by the routes of others, and says which', () => {
    using world = setUp();
    const { node, view, eth0, say } = world;
    node.ipBatch([
      'route add default proto dhcp metric 100 via 10.0.0.2',
      'route add 192.0.2.0/24 nexthop via 10.0.0.2 weight 2 nexthop via 10.0.1.2',
      'route add unreachable 198.51.100.0/24',
      'route add 203.0.113.0/24 metric 7 via inet6 fd00:1::2 dev eth1',
      'route add 192.0.2.128/25 metric 1024 proto bird via 10.0.1.2',
      '-6 route add 2001:db8::/32 proto static nexthop via fd00:0::2 nexthop via fd00:1::2',
    ]);
    expect(node.deliver(view)).toBe(true);
    expect(say(hop('10.0.0.2'))).toBe(`10.0.0.2%${eth0}*1 metric 0: directly connected on eth0`);
    expect(say(hop('8.8.8.8'))).toBe(
      `10.0.0.2%${eth0}*1 metric 100: by 0.0.0.0/0 via 10.0.0.2 dev eth0 (dhcp, metric 100)`,
    );
    // Not by 192.0.2.128/25, which is the daemon's own.
    expect(say(hop('192.0.2.129'))).toBe(
      `10.0.0.2%${eth0}*2 10.0.1.2%${eth0 + 1}*1 metric 1: by 192.0.2.0/24 via 10.0.0.2 dev eth0 and via 10.0.1.2 dev eth1 (boot, metric 0)`,
    );
    expect(say(hop('198.51.100.1'))).toBe('no: the route to it drops packets: unreachable 198.51.100.0/24 (boot)');
    expect(say(hop('203.0.113.1'))).toBe(
      `fd00:1::2%${eth0 + 1}*1 metric 7: by 203.0.113.0/24 via fd00:1::2 dev eth1 (boot, metric 7)`,
    );
    expect(say(hop('2001:db8::1'))).toBe(
      `fd00::2%${eth0}*1 fd00:1::2%${eth0 + 1}*1 metric 1024: by 2001:db8::/32 via fd00::2 dev eth0 and via fd00:1::2 dev eth1 (static, metric 1024)`,
    );
    expect(say(hop('2001:db9::1'))).toBe('no: this node has no route to it');
    expect(say(hop('10.0.1.1'))).toBe('no: it is an address of this node itself');
    expect(say(hop('10.0.1.1', { interface: 'eth0' }))).toBe('no: it is an address of this node itself');
    expect(say(hop('10.0.0.255'))).toBe('no: it is a broadcast address of a network that this node is connected to');
    expect(say(hop('fe80::9'))).toBe('no: a link-local next hop means nothing without its interface');
    expect(say(hop('fe80::9', { interface: 'eth1' }))).toBe(
      `fe80::9%${eth0 + 1}*1 metric 0: directly connected on eth1`,
    );
    expect(say(hop('9.9.9.9', { interface: 'eth1' }))).toBe(`9.9.9.9%${eth0 + 1}!*1 metric 0: taken to be on eth1`);
    expect(say(hop('9.9.9.9', { interface: 'eth7' }))).toBe('no: there is no interface eth7');
    expect(say({ interface: 'eth0', weight: 1 })).toBe(`%${eth0}*1 metric 0: directly connected on eth0`);
  });

  it('tells of the next hops that a change concerns, and looks at no others', () => {
    using world = setUp();
    const { node, view, resolver, say } = world;
    const near = hop('10.0.0.2');
    const far = hop('192.0.2.1');
    const elsewhere = hop('10.0.1.2');
    for (const next of [near, far, elsewhere]) {
      resolver.track(next);
      resolver.resolve(next);
    }
    const changes = () => {
      node.deliver(view);
      return resolver.changes();
    };
    expect(changes()).toEqual([]);
    node.ip('route add 192.0.2.0/24 via 10.0.0.2');
    const looked = vi.spyOn(view, 'lookUp');
    expect(changes()).toEqual([nextHopKey(far)]);
    expect(looked).toHaveBeenCalledTimes(1);
    node.ip('route add 198.51.100.0/24 via 10.0.0.2');
    expect(changes()).toEqual([]);
    expect(looked).toHaveBeenCalledTimes(1);
    // The same answer by another route is no change to those that use it, but the words are.
    node.ip('route add 192.0.2.1 via 10.0.0.2');
    expect(changes()).toEqual([nextHopKey(far)]);
    node.ip('link set eth0 down');
    expect([...changes()].toSorted()).toEqual([nextHopKey(near), nextHopKey(far)].toSorted());
    expect(say(near)).toBe('no: this node has no route to it');
    node.ip('link set eth0 up');
    expect(changes()).toEqual([nextHopKey(near)]);
    resolver.untrack(near);
    node.ip('link set eth0 down');
    expect(changes()).toEqual([]);
  });

  it('does without a next hop whose link is down or has no carrier', async () => {
    using world = setUp();
    const { node, view, resolver, eth0, say } = world;
    node.ipBatch([
      'route add 192.0.2.0/24 nexthop via 10.0.0.2 nexthop via 10.0.1.2',
      'nexthop add id 5 via 10.0.1.2 dev eth1',
      'nexthop add id 6 via 10.0.0.2 dev eth0',
      'nexthop add id 7 group 5/6',
      'route add 203.0.113.0/24 nhid 5',
      'route add 203.0.113.0/25 nhid 7',
    ]);
    node.deliver(view);
    const [ecmp, near, onlink] = [hop('192.0.2.1'), hop('10.0.1.2'), hop('9.9.9.9', { interface: 'eth1' })];
    for (const next of [ecmp, near, onlink]) {
      resolver.track(next);
      resolver.resolve(next);
    }
    node.farIp('link set far1 down');
    const changed = new Set<string>();
    const all = () => {
      node.deliver(view);
      for (const key of resolver.changes()) changed.add(key);
      return changed.size === 3;
    };
    await waitFor(all, { what: 'the loss of the carrier' });
    expect(say(near)).toBe('no: interface eth1 has no carrier');
    expect(say(onlink)).toBe('no: interface eth1 has no carrier');
    expect(say(ecmp)).toBe(
      `10.0.0.2%${eth0}*1 metric 1: by 192.0.2.0/24 via 10.0.0.2 dev eth0 (boot, metric 0); left out: interface eth1 has no carrier`,
    );
    // Next-hop objects go with the carrier, and routes over them without a word.
    expect(view.lookUp(parsePrefix('203.0.113.200'))).toBeUndefined();
    expect(say(hop('203.0.113.1'))).toBe(
      `10.0.0.2%${eth0}*1 metric 1: by 203.0.113.0/25 via 10.0.0.2 dev eth0 (boot, metric 0)`,
    );
    changed.clear();
    node.farIp('link set far1 up');
    await waitFor(all, { what: 'the carrier' });
    expect(say(near)).toContain('directly connected on eth1');
  });

  it('does without a neighbour that does not answer until it does again', async () => {
    using world = setUp();
    const { node, view, resolver, say } = world;
    const next = hop('10.0.0.7');
    // One attempt of 50 ms instead of three of a second.
    for (const [name, value] of [
      ['mcast_solicit', 1],
      ['retrans_time_ms', 50],
    ] as const) {
      node.setSysctl(`ipv4/neigh/eth0/${name}`, value);
    }
    resolver.track(next);
    expect(say(next)).toContain('directly connected');
    expect(resolver.hasFailedNeighbours).toBe(false);
    node.ip('neighbour replace 10.0.0.7 dev eth0 nud incomplete use');
    const told = async (what: string) => {
      const heard = () => {
        node.deliver(view);
        return resolver.changes().length > 0;
      };
      await waitFor(heard, { what });
    };
    await told('the neighbour to fail');
    expect(say(next)).toBe('no: 10.0.0.7 on eth0 does not answer (neighbour FAILED)');
    expect(resolver.hasFailedNeighbours).toBe(true);
    // Another attempt in vain makes nothing better, nor does it when the kernel forgets the entry.
    resolver.probe();
    node.ip('neighbour del 10.0.0.7 dev eth0');
    node.deliver(view);
    view.refresh();
    expect(resolver.changes()).toEqual([]);
    expect(say(next)).toContain('does not answer');
    node.farIp('address add 10.0.0.7/24 dev far0');
    resolver.probe();
    await told('the neighbour to answer');
    expect(say(next)).toContain('directly connected');
    expect(resolver.hasFailedNeighbours).toBe(false);
  });

  it('goes through tunnels where the address itself can be reached', () => {
    using world = setUp();
    const { node, view, eth0 } = world;
    let way: ReturnType<typeof NO_TUNNELS.vxlan> | { gateway: Uint8Array; interfaceIndex: number } = {
      why: 'no node has it',
    };
    const resolver = new NextHopResolver(view, { vxlan: () => way });
    const say = (address: string, kind: 'ipip' | 'vxlan', crossSubnet: boolean) =>
      line(resolver.resolve(hop(address, { tunnel: { kind, crossSubnet } })));
    expect(say('10.0.0.2', 'ipip', false)).toBe('no: there is no interface tunl0');
    // Any device does: this is about its name.
    node.ip('link add tunl0 type veth peer name tunl1');
    node.ip('link set tunl1 up');
    node.deliver(view);
    expect(say('10.0.0.2', 'ipip', false)).toBe('no: interface tunl0 is down');
    node.ip('link set tunl0 up');
    node.ip('route add 192.0.2.0/24 via 10.0.0.2');
    node.deliver(view);
    const tunl0 = view.linkByName('tunl0')!.index;
    expect(say('10.0.0.2', 'ipip', false)).toBe(
      `10.0.0.2%${tunl0}!*1 metric 0: through tunl0 to 10.0.0.2, directly connected on eth0`,
    );
    expect(say('10.0.0.2', 'ipip', true)).toBe(`10.0.0.2%${eth0}*1 metric 0: directly connected on eth0`);
    expect(say('192.0.2.1', 'ipip', true)).toMatch(
      /^192\.0\.2\.1%\d+!\*1 metric 1: through tunl0 to 192\.0\.2\.1, by 192/,
    );
    expect(say('198.51.100.1', 'ipip', false)).toBe('no: this node has no route to it');
    expect(say('fd00:0::2', 'ipip', false)).toBe('no: IP in IP is between IPv4 addresses only');
    const vxlan = hop('10.0.0.2', { tunnel: { kind: 'vxlan', crossSubnet: false } });
    resolver.track(vxlan);
    expect(say('10.0.0.2', 'vxlan', false)).toBe('no: no node has it');
    way = { gateway: Uint8Array.of(172, 16, 0, 1), interfaceIndex: tunl0 };
    resolver.tunnelsChanged();
    expect(resolver.changes()).toEqual([nextHopKey(vxlan)]);
    expect(say('10.0.0.2', 'vxlan', false)).toContain(`172.16.0.1%${tunl0}!*1 metric 0: through tunl0 to 10.0.0.2`);
  });
});

describe('the routes of workloads', () => {
  it('come and go with the host routes on the interfaces of workloads', () => {
    using node = new ViewNode();
    const link = (name: string) =>
      node.ipBatch([`link add ${name} type veth peer name p${name}`, `link set ${name} up`, `link set p${name} up`]);
    for (const name of ['cali1', 'cali2', 'tap3', 'other']) link(name);
    node.ipBatch([
      'route add 10.65.0.1 dev cali1',
      'route add 10.65.0.2 dev other',
      'route add 10.65.1.0/24 dev cali1',
      'route add 169.254.1.1 dev cali1',
      'route add 10.65.0.9 dev cali1 proto bird metric 1024',
      '-6 route add fd65::1 dev tap3',
    ]);
    const view = node.view();
    expect(texts(view.takeWorkloadChanges())).toEqual({ added: ['10.65.0.1/32', 'fd65::1/128'], removed: [] });
    expect(view.takeWorkloadChanges()).toBeUndefined();
    node.deliver(view);
    // What goes and comes again within one call is no change.
    node.ipBatch([
      'route del 10.65.0.1 dev cali1',
      'route add 10.65.0.1 dev cali2',
      'route add 10.65.0.3 dev cali2 proto 80',
    ]);
    node.deliver(view);
    expect(texts(view.takeWorkloadChanges())).toEqual({ added: ['10.65.0.3/32'], removed: [] });
    node.ip('link del cali2');
    node.ip('link del tap3');
    node.deliver(view);
    expect(texts(view.takeWorkloadChanges())).toEqual({
      added: [],
      removed: ['10.65.0.1/32', '10.65.0.3/32', 'fd65::1/128'],
    });
    node.ipBatch([
      'link set other down',
      'link set other name cali9',
      'link set cali9 up',
      'route add 10.65.0.2 dev cali9',
    ]);
    node.deliver(view);
    expect(texts(view.takeWorkloadChanges())).toEqual({ added: ['10.65.0.2/32'], removed: [] });
    view.refresh();
    expect(view.takeWorkloadChanges()).toBeUndefined();
  });
});

describe('the addresses of the node', () => {
  it('are known, and told of when they change', () => {
    using node = new ViewNode();
    const view = node.view();
    node.deliver(view);
    expect(view.takeAddressesChanged()).toBe(true);
    expect([...view.ownAddresses]).toEqual(expect.arrayContaining(['127.0.0.1', '::1', '10.0.0.1', 'fd00:1::1']));
    expect(view.takeAddressesChanged()).toBe(false);
    node.ip('address add 10.0.0.1/32 dev lo');
    node.deliver(view);
    expect(view.takeAddressesChanged()).toBe(false);
    node.ip('address del 10.0.0.1/24 dev eth0');
    node.deliver(view);
    expect(view.ownAddresses.has('10.0.0.1')).toBe(true);
    node.ip('address del 10.0.0.1/32 dev lo');
    node.deliver(view);
    expect(view.takeAddressesChanged()).toBe(true);
    expect(view.ownAddresses.has('10.0.0.1')).toBe(false);
  });
});
