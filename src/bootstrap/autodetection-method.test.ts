import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../net/prefix.ts';
import { parseAutodetectionMethod } from './autodetection-method.ts';

describe('a method of autodetection', () => {
  it.each([
    ['first-found', { kind: 'first-found' }],
    ['kubernetes-internal-ip', { kind: 'kubernetes-internal-ip' }],
    ['can-reach=www.example.org', { kind: 'can-reach', destination: 'www.example.org' }],
    ['interface=eth.*, bond0', { kind: 'interface', patterns: [/eth.*/, /bond0/] }],
    ['skip-interface=^wg', { kind: 'skip-interface', patterns: [/^wg/] }],
    ['cidr=10.0.0.0/8,fd00::/8', { kind: 'cidr', prefixes: ['10.0.0.0/8', 'fd00::/8'].map(parsePrefix) }],
  ])('is read: %s', (text, method) => {
    expect(parseAutodetectionMethod(text)).toEqual(method);
  });

  it.each([
    ['', /must be first-found, .* not ""/],
    ['can-reach=', /must be/],
    ['interface', /must be/],
    ['interface=eth0,(', /has "\(", which is not a regular expression/],
    ['cidr=10.0.0.0/8,ten', /has "ten", which is not a prefix/],
  ])('that is none is refused: %s', (text, words) => {
    expect(() => parseAutodetectionMethod(text)).toThrow(words);
  });
});
