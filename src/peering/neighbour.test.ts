import { describe, expect, it } from 'vitest';
import { FAMILIES, IPV4_UNICAST } from '../net/family.ts';
import { changeKind } from './neighbour.ts';
import type { Neighbour } from './neighbour.ts';

const TOR: Neighbour = {
  key: '192.0.2.254',
  address: '192.0.2.254',
  port: 179,
  peerAs: 65000,
  localAs: 65001,
  external: true,
  localAddress: '192.0.2.1',
  localAddresses: { ipv4: '192.0.2.1' },
  holdTime: 90,
  restartTime: 120,
  passive: false,
  families: FAMILIES,
  allowLocalAs: 0,
  nextHopMode: 'auto',
  filters: [],
  reflectorClient: false,
  addPaths: { send: true, receive: true },
  gracefulRestartMode: 'full',
  localPreference: 'auto',
  password: { kind: 'none' },
  type: 'global',
  labels: { rack: 'a' },
  source: 'BGPPeer tor',
  reason: 'BGPPeer "tor" makes every node peer with 192.0.2.254 (AS 65000, eBGP).',
};

describe('a change of a neighbour', () => {
  it('is none where the descriptions are equal', () => {
    const copy = { ...TOR, localAddresses: { ...TOR.localAddresses }, families: [...FAMILIES], filters: [] };
    expect(changeKind(TOR, copy)).toBe('none');
  });

  it.each<[string, Partial<Neighbour>]>([
    ['the BGPPeer it comes from', { source: 'BGPPeer other', reason: 'Another.', type: 'node' }],
    ['who opens the connection', { passive: true }],
    ['the restart time', { restartTime: 300 }],
    ['the time between attempts to connect', { connectRetryTime: 5 }],
    ['the profile that applies', { profile: 'racks' }],
    ['the route to it', { reachableBy: '192.0.2.1' }],
  ])('leaves the session and its routes alone for %s', (_what, fields) => {
    expect(changeKind(TOR, { ...TOR, ...fields })).toBe('none');
  });

  it('asks for other keys on the connection for another password', () => {
    const [old, now] = ['a', 'b'].map((value): Neighbour => ({ ...TOR, password: { kind: 'known', value } }));
    expect(changeKind(old, now)).toBe('password');
    expect(changeKind(TOR, now)).toBe('password');
    expect(changeKind(old, { ...old, nextPassword: 'b' })).toBe('password');
    expect(changeKind(old, { ...now, filters: ['f'] })).toBe('password');
    expect(changeKind(old, { ...now, holdTime: 180 })).toBe('session');
    expect(changeKind(old, { ...old, password: { kind: 'known', value: 'a' } })).toBe('none');
  });

  it.each<[string, Partial<Neighbour>]>([
    ['filters', { filters: ['f'] }],
    ['the next hop mode', { nextHopMode: 'self' }],
    ['local AS numbers in paths', { allowLocalAs: 1 }],
    ['an address of the other family', { localAddresses: { ipv4: '192.0.2.1', ipv6: '2001:db8::1' } }],
    ['the scale of LOCAL_PREF', { localPreference: 'plain' }],
    ['route reflection', { reflectorClient: true, clusterId: 1 }],
  ])('keeps the session for %s', (_what, fields) => {
    expect(changeKind(TOR, { ...TOR, ...fields })).toBe('policy');
    expect(changeKind({ ...TOR, ...fields }, TOR)).toBe('policy');
  });

  it.each<[string, Partial<Neighbour>]>([
    ['the AS of the neighbour', { peerAs: 65009 }],
    ['the AS of this side', { localAs: 65009 }],
    ['the source address', { localAddress: '192.0.2.2' }],
    ['the hold time', { holdTime: 180 }],
    ['the keepalive time', { keepaliveTime: 10 }],
    ['the families', { families: [IPV4_UNICAST] }],
    ['GTSM', { ttlSecurity: 1 }],
    ['a password that is not known', { password: { kind: 'unavailable', why: 'gone' }, heldDown: 'gone' }],
    ['ADD-PATH', { addPaths: { send: true, receive: false } }],
    ['graceful restart', { gracefulRestartMode: 'helper' }],
    ['being held down', { heldDown: 'No password.' }],
    ['filters and the hold time', { filters: ['f'], holdTime: 180 }],
  ])('asks for a new session for %s', (_what, fields) => {
    expect(changeKind(TOR, { ...TOR, ...fields })).toBe('session');
    expect(changeKind({ ...TOR, ...fields }, TOR)).toBe('session');
  });
});
