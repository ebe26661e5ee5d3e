import { describe, expect, it } from 'vitest';
import { parseAddress } from '../net/address.ts';
import { parseAutodetectionMethod } from './autodetection-method.ts';
import { detectAddress } from './detect-address.ts';
import type { HostInterface } from './detect-address.ts';

function link(index: number, name: string, ...texts: string[]): HostInterface {
  const addresses = texts.map((text) => {
    const [address, length] = text.split('/');
    return { address, family: parseAddress(address).family, prefixLength: Number(length) };
  });
  return { name, index, up: true, addresses };
}

const INTERFACES: readonly HostInterface[] = [
  link(1, 'lo', '127.0.0.1/8', '::1/128'),
  link(2, 'eth0', '169.254.0.5/16', '10.0.0.1/24', '10.0.0.2/24', 'fe80::1/64', 'fd00::1/64'),
  link(3, 'eth1', '192.0.2.1/25'),
  { ...link(9, 'eth9', '203.0.113.9/24'), up: false },
  link(5, 'docker0', '172.17.0.1/16'),
  link(6, 'cali123', '169.254.1.1/32'),
  link(7, 'vxlan.calico', '10.244.0.0/32'),
];

function found(method: string, more: object = {}, family: 0 | 1 = 0): string {
  const around = { interfaces: INTERFACES, internalAddresses: [], ...more };
  const detection = detectAddress(family, parseAutodetectionMethod(method), around);
  return detection.found ? detection.address : detection.why;
}

describe('finding the address of the node', () => {
  it.each([
    ['first-found', '192.0.2.1/25'],
    ['skip-interface=eth1', '10.0.0.1/24'],
    ['interface=docker.*', '172.17.0.1/16'],
    ['interface=eth0,eth1', '192.0.2.1/25'],
    ['interface=eth9', 'no interface of such a name is up and has one'],
    ['cidr=10.0.0.0/24,172.16.0.0/12', '172.17.0.1/16'],
    ['cidr=198.51.100.0/24', 'no interface has one within these prefixes'],
    ['can-reach=198.51.100.1', 'there is no route to 198.51.100.1'],
    ['kubernetes-internal-ip', 'the Node has no address of type InternalIP'],
  ])('goes by %s', (method, address) => {
    expect(found(method)).toBe(address);
  });

  it('takes a global address of the family asked for', () => {
    expect(found('first-found', {}, 1)).toBe('fd00::1/64');
  });

  it('completes the source address and the InternalIP from the interface', () => {
    expect(found('can-reach=gw', { sourceAddress: '10.0.0.2' })).toBe('10.0.0.2/24');
    expect(found('kubernetes-internal-ip', { internalAddresses: ['fd00::1', '192.0.2.1'] })).toBe('192.0.2.1/25');
    expect(found('kubernetes-internal-ip', { internalAddresses: ['192.0.2.7'] })).toBe(
      '192.0.2.7, InternalIP of the Node, is on no interface',
    );
  });

  it('prefers what the Node says, if the method allows it', () => {
    expect(found('first-found', { known: '10.0.0.2' })).toBe('10.0.0.2/24');
    expect(found('first-found', { known: '172.17.0.1' })).toBe('192.0.2.1/25');
  });
});
