import { describe, expect, it } from 'vitest';
import { checkSysctls } from './sysctls.ts';

describe('checkSysctls', () => {
  it('is content with a router', () => {
    expect(checkSysctls(() => '1\n')).toEqual([]);
  });

  it('says what a setting does and what to set it to', () => {
    const troubles = checkSysctls((path) => (path.endsWith('ip_forward') ? '0\n' : '1\n'));
    const message = 'net.ipv4.ip_forward is 0, so IPv4 packets are not forwarded to learned routes; set it to 1';
    expect(troubles).toEqual([{ code: 'FIB_SYSCTL', message }]);
  });

  it('asks nothing of a family that the kernel lacks', () => {
    const read = (path: string) => {
      if (path.includes('ipv6')) throw new Error('ENOENT');
      return '1';
    };
    expect(checkSysctls(read)).toEqual([]);
  });
});
