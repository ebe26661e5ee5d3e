/**
 * The kernel's settings without which routes are of little use (Documentation/networking/ip-sysctl.rst).
 */
import type { FibTrouble } from './worker-messages.ts';

/** A setting, the value it should have, and what happens otherwise. */
const WANTED = [
  { name: 'net.ipv4.ip_forward', value: '1', otherwise: 'IPv4 packets are not forwarded to learned routes' },
  { name: 'net.ipv6.conf.all.forwarding', value: '1', otherwise: 'IPv6 packets are not forwarded to learned routes' },
  {
    name: 'net.ipv4.fib_multipath_hash_policy',
    value: '1',
    otherwise: 'all IPv4 flows between two hosts take the same one of several equal paths',
  },
  {
    name: 'net.ipv6.fib_multipath_hash_policy',
    value: '1',
    otherwise: 'all IPv6 flows between two hosts take the same one of several equal paths',
  },
] as const;

/** What of the settings is not as it should be; `read` gives a file's text and throws if there is no such file. */
export function checkSysctls(read: (path: string) => string): FibTrouble[] {
  return WANTED.flatMap(({ name, value, otherwise }) => {
    const actual = tryRead(read, `/proc/sys/${name.replaceAll('.', '/')}`);
    if (actual === undefined || actual === value) return [];
    return [{ code: 'FIB_SYSCTL' as const, message: `${name} is ${actual}, so ${otherwise}; set it to ${value}` }];
  });
}

/** A setting that isn't there belongs to a family, or a kernel, that isn't there either. */
function tryRead(read: (path: string) => string, path: string): string | undefined {
  try {
    return read(path).trim();
  } catch {
    return undefined;
  }
}
