/** Next hops resolved by a real kernel's routes, links and neighbours. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { KernelView } from '../../src/fib/kernel-view.ts';
import { nextHopKey } from '../../src/fib/next-hop.ts';
import type { FibNextHop } from '../../src/fib/next-hop.ts';
import { NextHopResolver } from '../../src/fib/next-hop-resolver.ts';
import type { Resolution } from '../../src/fib/next-hop-resolver.ts';
import { formatAddress } from '../../src/net/address.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { ViewNode } from './kernel-view-fixture.ts';

beforeEach((ctx) => requireOrSkip(ctx, { root: true, programs: ['ip'] }));

const NO_TUNNELS = { vxlan: () => ({ why: 'there is no overlay' }) };

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
