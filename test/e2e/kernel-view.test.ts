/** The view of the kernel, held against a real kernel that changes. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KernelView } from '../../src/fib/kernel-view.ts';
import { formatAddress } from '../../src/net/address.ts';
import { formatPrefix, parsePrefix } from '../../src/net/prefix.ts';
import { missingHere, requireOrSkip } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';
import { ViewNode, texts } from './kernel-view-fixture.ts';

const NEEDS = { root: true, programs: ['ip'] } as const;

beforeEach((ctx) => requireOrSkip(ctx, NEEDS));

/** How many random histories to try; more by hand. */
const RUNS = Number(process.env.VIEW_RUNS ?? 15);

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
    if (missingHere(NEEDS) === undefined) node = new ViewNode();
  });
  afterAll(() => node?.[Symbol.dispose]());

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
    // What goes and comes again within one call is told once, as reached in another way.
    node.ipBatch([
      'route del 10.65.0.1 dev cali1',
      'route add 10.65.0.1 dev cali2',
      'route add 10.65.0.3 dev cali2 proto 80',
    ]);
    node.deliver(view);
    expect(texts(view.takeWorkloadChanges())).toEqual({ added: ['10.65.0.1/32', '10.65.0.3/32'], removed: [] });
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

  it('are those on other interfaces when other names are given', () => {
    using node = new ViewNode();
    for (const name of ['cali1', 'eni1']) {
      node.ipBatch([`link add ${name} type veth peer name p${name}`, `link set ${name} up`, `link set p${name} up`]);
    }
    node.ipBatch(['route add 10.65.0.1 dev cali1', 'route add 10.65.0.2 dev eni1']);
    const view = node.view();
    expect(texts(view.takeWorkloadChanges())).toEqual({ added: ['10.65.0.1/32'], removed: [] });
    view.setWorkloadInterfaces(['cali*', 'eni*']);
    expect(texts(view.takeWorkloadChanges())).toEqual({ added: ['10.65.0.2/32'], removed: [] });
    view.setWorkloadInterfaces(['eni*']);
    expect(texts(view.takeWorkloadChanges())).toEqual({ added: [], removed: ['10.65.0.1/32'] });
  });

  it('within ranges are told, whatever they lead over, as long as they lead somewhere', () => {
    using node = new ViewNode();
    node.ipBatch([
      'route add 10.96.1.0/24 dev eth0',
      'route add blackhole 10.96.2.0/24',
      'route add 10.0.0.0/8 dev eth0',
      '-6 route add fd00:96::1 dev eth0',
    ]);
    const view = node.view();
    expect(view.takeRangeChanges()).toBeUndefined();
    view.setRanges(['10.96.0.0/16', 'fd00:96::/112'].map(parsePrefix));
    expect(texts(view.takeRangeChanges())).toEqual({ added: ['10.96.1.0/24', 'fd00:96::1/128'], removed: [] });
    node.ipBatch(['route del 10.96.1.0/24 dev eth0', 'route add 10.96.3.0/24 dev eth0']);
    node.deliver(view);
    expect(texts(view.takeRangeChanges())).toEqual({ added: ['10.96.3.0/24'], removed: ['10.96.1.0/24'] });
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
