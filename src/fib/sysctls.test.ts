import { describe, expect, it } from 'vitest';
import { checkSysctls, setSysctl } from './sysctls.ts';

const BOTH = new Set([0, 1] as const);
/** As a router for both families has them. */
const RIGHT: Readonly<Record<string, string>> = {
  '/proc/sys/net/ipv4/ip_forward': '1',
  '/proc/sys/net/ipv6/conf/all/forwarding': '1',
  '/proc/sys/net/ipv4/fib_multipath_hash_policy': '3',
  '/proc/sys/net/ipv6/fib_multipath_hash_policy': '1',
  '/proc/sys/net/ipv4/nexthop_compat_mode': '0',
  '/proc/sys/net/ipv4/conf/all/rp_filter': '2',
  '/proc/sys/net/ipv4/conf/default/rp_filter': '0',
};

function reader(values: Readonly<Record<string, string>>) {
  return (path: string) => {
    if (values[path] === undefined) throw new Error('ENOENT');
    return `${values[path]}\n`;
  };
}

describe('checkSysctls', () => {
  it('is content with a router', () => {
    expect(checkSysctls(BOTH, reader(RIGHT))).toEqual([]);
  });

  it('says what a setting does and what to set it to', () => {
    const message = 'net.ipv4.ip_forward is 0, so IPv4 packets are not forwarded to learned routes; set it to 1';
    expect(checkSysctls(BOTH, reader({ ...RIGHT, '/proc/sys/net/ipv4/ip_forward': '0' }))).toEqual([
      { name: 'net.ipv4.ip_forward', actual: '0', wanted: '1', message },
    ]);
    const strict = checkSysctls(BOTH, reader({ ...RIGHT, '/proc/sys/net/ipv4/conf/all/rp_filter': '1' }));
    expect(strict.map(({ message }) => message)).toEqual([
      'net.ipv4.conf.all.rp_filter is 1, so packets that come in by another one of several equal paths than answers take are dropped; set it to 0',
    ]);
  });

  it('asks nothing of a family that the node does not use, or that the kernel lacks', () => {
    const wrong = { ...RIGHT, '/proc/sys/net/ipv6/conf/all/forwarding': '0' };
    expect(checkSysctls(new Set([0] as const), reader(wrong))).toEqual([]);
    expect(checkSysctls(BOTH, reader({}))).toEqual([]);
  });
});

describe('setSysctl', () => {
  it('writes what is wanted, and says what it did', () => {
    const [issue] = checkSysctls(BOTH, reader({ ...RIGHT, '/proc/sys/net/ipv6/conf/all/forwarding': '0' }));
    const written: string[][] = [];
    expect(setSysctl(issue, (...args) => written.push(args))).toBe(
      'net.ipv6.conf.all.forwarding set from 0 to 1; router advertisements are now heard only on interfaces whose accept_ra is 2',
    );
    expect(written).toEqual([['/proc/sys/net/ipv6/conf/all/forwarding', '1']]);
  });
});
