import { describe, expect, it } from 'vitest';
import { parseAsNumber } from './as-number.ts';
import { parseCommunity } from './community.ts';
import { didYouMean } from './did-you-mean.ts';
import { durationSeconds } from './duration.ts';
import { formatPeerIP, parseInterfaceAddress, parsePeerIP } from './peer-address.ts';

describe('parseAsNumber', () => {
  it.each([
    [64512, 64512],
    ['65546', 65546],
    ['1.10', 65546],
    ['65535.65535', 4294967295],
    ['1.65536', undefined],
    ['4294967296', undefined],
    [-1, undefined],
    [1.5, undefined],
    ['0x10', undefined],
    ['', undefined],
  ])('%j is %j', (value, expected) => {
    expect(parseAsNumber(value)).toBe(expected);
  });
});

describe('durationSeconds', () => {
  it.each([
    ['120s', 120],
    ['1h1m1.5s', 3661.5],
    ['500ms', 0.5],
    ['0', 0],
    ['-1s', -1],
    ['120', undefined],
    ['', undefined],
    ['1d', undefined],
    ['s', undefined],
  ])('%j is %j', (text, expected) => {
    expect(durationSeconds(text)).toBe(expected);
  });
});

describe('parseCommunity', () => {
  it.each([
    ['64512:100', { large: false, parts: [64512, 100] }],
    ['4200000000:1:2', { large: true, parts: [4200000000, 1, 2] }],
    ['65536:1', undefined],
    ['1:2:4294967296', undefined],
    ['1', undefined],
    ['no-export', undefined],
  ])('%s is %j', (text, expected) => {
    expect(parseCommunity(text)).toEqual(expected);
  });
});

describe('parsePeerIP', () => {
  it.each([
    ['192.0.2.1', { address: '192.0.2.1', family: 0, port: undefined }],
    ['192.0.2.1:1179', { address: '192.0.2.1', family: 0, port: 1179 }],
    ['[2001:DB8::1]:1179', { address: '2001:db8::1', family: 1, port: 1179 }],
    ['[fe80::1%eth0]:179', { address: 'fe80::1%eth0', family: 1, port: 179 }],
    ['192.0.2.1:65536', undefined],
    ['192.0.2.1/32', undefined],
    ['[2001:db8::1', undefined],
  ])('%s is %j', (text, expected) => {
    expect(parsePeerIP(text)).toEqual(expected);
  });

  it.each(['192.0.2.1', '192.0.2.1:1179', '2001:db8::1', '[fe80::1%eth0]:179'])('%s is written the same', (text) => {
    const parsed = parsePeerIP(text);
    expect(parsed && formatPeerIP(parsed)).toBe(text);
  });
});

describe('parseInterfaceAddress', () => {
  it.each([
    ['192.0.2.1/24', { address: '192.0.2.1', family: 0, prefixLength: 24 }],
    ['2001:DB8::1', { address: '2001:db8::1', family: 1, prefixLength: 128 }],
    ['192.0.2.1/33', undefined],
    ['192.0.2.1/', undefined],
    ['192.0.2.1/24/24', undefined],
    ['fe80::1%eth0/64', undefined],
  ])('%s is %j', (text, expected) => {
    expect(parseInterfaceAddress(text)).toEqual(expected);
  });
});

describe('didYouMean', () => {
  const names = ['asNumber', 'node', 'nodeSelector', 'peerIP'];

  it.each([
    ['asnumber', ' (did you mean "asNumber"?)'],
    ['asNmuber', ' (did you mean "asNumber"?)'],
    ['peerip', ' (did you mean "peerIP"?)'],
    ['nod', ' (did you mean "node"?)'],
    ['nodeSelectors', ' (did you mean "nodeSelector"?)'],
    ['holdTime', ''],
    ['', ''],
  ])('%s%s', (word, hint) => {
    expect(didYouMean(word, names)).toBe(hint);
  });
});
