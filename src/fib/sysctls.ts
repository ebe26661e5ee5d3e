/**
 * The kernel's settings without which routes are of little use (Documentation/networking/ip-sysctl.rst).
 */
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';

/** A setting that is in the way. */
export interface SysctlIssue {
  /** As sysctl(8) spells it. */
  readonly name: string;
  readonly actual: string;
  /** What it should be. */
  readonly wanted: string;
  /** What happens as it is, and what to do; a sentence. */
  readonly message: string;
}

interface SysctlRow {
  readonly name: string;
  /** The address family it is about. */
  readonly family: Family;
  readonly wanted: string;
  /** The value that is wrong, where others than `wanted` are right too. */
  readonly wrong?: string;
  readonly otherwise: string;
  /** What setting it does besides. */
  readonly besides?: string;
}

const SYSCTLS: readonly SysctlRow[] = [
  {
    name: 'net.ipv4.ip_forward',
    family: IPV4_UNICAST,
    wanted: '1',
    otherwise: 'IPv4 packets are not forwarded to learned routes',
  },
  {
    name: 'net.ipv6.conf.all.forwarding',
    family: IPV6_UNICAST,
    wanted: '1',
    otherwise: 'IPv6 packets are not forwarded to learned routes',
    besides: 'router advertisements are now heard only on interfaces whose accept_ra is 2',
  },
  {
    name: 'net.ipv4.fib_multipath_hash_policy',
    family: IPV4_UNICAST,
    wanted: '1',
    // 2 and 3 look at inner or chosen fields, which spread flows as well.
    wrong: '0',
    otherwise: 'all IPv4 flows between two hosts take the same one of several equal paths',
  },
  {
    name: 'net.ipv6.fib_multipath_hash_policy',
    family: IPV6_UNICAST,
    wanted: '1',
    wrong: '0',
    otherwise: 'all IPv6 flows between two hosts take the same one of several equal paths',
  },
  {
    name: 'net.ipv4.nexthop_compat_mode',
    family: IPV4_UNICAST,
    wanted: '0',
    otherwise: 'the kernel announces every route whose next hops change, which makes a failover slower',
    besides: 'programs that do not know next-hop objects see routes without gateways from now on',
  },
  {
    name: 'net.ipv4.conf.all.rp_filter',
    family: IPV4_UNICAST,
    // Not 2: the highest value counts on each interface, and workloads are to be kept strict.
    wanted: '0',
    wrong: '1',
    otherwise: 'packets that come in by another one of several equal paths than answers take are dropped',
  },
  {
    name: 'net.ipv4.conf.default.rp_filter',
    family: IPV4_UNICAST,
    wanted: '2',
    wrong: '1',
    otherwise: 'interfaces that are made from now on drop packets that come in by another path than answers take',
  },
];

/**
 * What of the settings for these families is not as it should be; `read` gives a file's text and throws if there is no
 * such file.
 */
export function checkSysctls(families: ReadonlySet<Family>, read: (path: string) => string): SysctlIssue[] {
  return SYSCTLS.filter(({ family }) => families.has(family)).flatMap(({ name, wanted, wrong, otherwise }) => {
    const actual = tryRead(read, sysctlPath(name));
    if (actual === undefined || (wrong === undefined ? actual === wanted : actual !== wrong)) return [];
    return [{ name, actual, wanted, message: `${name} is ${actual}, so ${otherwise}; set it to ${wanted}` }];
  });
}

/** Sets one; returns what was done, as a sentence. Throws what `write` throws. */
export function setSysctl({ name, actual, wanted }: SysctlIssue, write: (path: string, text: string) => void): string {
  write(sysctlPath(name), wanted);
  const besides = SYSCTLS.find((row) => row.name === name)?.besides;
  return `${name} set from ${actual} to ${wanted}${besides === undefined ? '' : `; ${besides}`}`;
}

function sysctlPath(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}

/** A setting that isn't there belongs to a family, or a kernel, that isn't there either. */
function tryRead(read: (path: string) => string, path: string): string | undefined {
  try {
    return read(path).trim();
  } catch {
    return undefined;
  }
}
