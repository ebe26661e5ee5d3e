import { describe, expect, it } from 'vitest';
import { hasPorts, protocolName, protocolNumber, readProtocol } from './protocols.ts';

describe('protocols', () => {
  it.each([
    ['TCP', 6],
    ['udp', 17],
    ['ICMPv6', 58],
    ['UDPLite', 136],
    ['47', 47],
  ] as const)('%s is %i', (text, number) => {
    expect([protocolNumber(text), readProtocol(text)]).toEqual([number, number]);
    expect(readProtocol(protocolName(number))).toBe(number);
  });

  it.each(['', 'tcpx', '0', '256', '-1', '6.0', '1000'])('%j is none', (text) => {
    expect(readProtocol(text)).toBeUndefined();
  });

  it('have ports or none', () => {
    expect(['tcp', 'udp', 'sctp', 'udplite', 'icmp', '47'].filter((name) => hasPorts(protocolNumber(name)))).toEqual([
      'tcp',
      'udp',
      'sctp',
      'udplite',
    ]);
  });
});
