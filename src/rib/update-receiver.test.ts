import { describe, expect, it } from 'vitest';
import { decodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { parseAddress } from '../net/address.ts';
import { parsePrefix } from '../net/prefix.ts';
import { SOURCE_EXTERNAL } from './policy.ts';
import { Rib } from './rib.ts';
import { UpdateReceiver } from './update-receiver.ts';
import type { ReceiveContext, Received } from './update-receiver.ts';

const CONTEXT: ReceiveContext = { fourOctetAs: true, external: true, families: [0, 1], addPaths: [] };
const ORIGIN = [0x40, 1, 1, 0];
const AS_PATH = [0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
const NEXT_HOP = [0x40, 3, 4, 192, 0, 2, 1];

function u16(value: number): number[] {
  return [value >> 8, value & 255];
}

/** An UPDATE body with these attributes that announces 10.1.0.0/16 in the NLRI field, or nothing there. */
function body(attributes: readonly number[], nlri: readonly number[] = [16, 10, 1]): Uint8Array {
  return Uint8Array.of(0, 0, ...u16(attributes.length), ...attributes, ...nlri);
}

/** MP_REACH_NLRI for 2001:db8:1::/48 with a next hop of one or two addresses. */
function reach(...nextHop: readonly string[]): number[] {
  const hop = nextHop.flatMap((text) => [...parseAddress(text).bytes]);
  const value = [0, 2, 1, hop.length, ...hop, 0, 48, 0x20, 0x01, 0x0d, 0xb8, 0, 1];
  return [0x80, 14, value.length, ...value];
}

function localPref(value: number): number[] {
  return [0x40, 5, 4, value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255];
}

class Peer {
  readonly rib = new Rib({ self: { routerId: 1, clusterId: 1 } });
  readonly index = this.rib.peers.add({
    address: '192.0.2.1',
    source: SOURCE_EXTERNAL,
    routerId: 9,
    localAs: 64512,
    allowLocalAs: 0,
    importPolicy: {
      key: '',
      perPrefix: false,
      apply: ({ set }) => set,
      explain: () => ({ accepted: true, why: '' }),
    },
  });
  private readonly receiver = new UpdateReceiver(this.rib);

  receive(bytes: Uint8Array, context = CONTEXT): Received {
    return this.receiver.receive(this.index, bytes, 0, bytes.length, context);
  }

  /** Attributes of the only route in a family, undefined if there is none. */
  route(family: 0 | 1): Attributes | undefined {
    const table = this.rib.tables[family];
    for (let row = 1; row < table.end; row++) {
      const set = table.received[row];
      if (set !== 0) return decodeAttributes(this.rib.sets.block(set), 0, this.rib.sets.length[set]);
    }
    return undefined;
  }
}

/** A prefix with its path identifier (RFC 7911 §3). */
function path(id: number, ...prefix: readonly number[]): number[] {
  return [0, 0, 0, id, ...prefix];
}

describe('a received UPDATE with path identifiers', () => {
  const context = { ...CONTEXT, addPaths: [0, 1] as const };
  const prefix = [16, 10, 1];
  const attributes = [...ORIGIN, ...AS_PATH, ...NEXT_HOP];
  const counts = (peer: Peer): number[] => peer.rib.peers.received.map((column) => column[peer.index]);

  it('adds a path for each identifier, replaces the one that has it, and withdraws that one alone', () => {
    const peer = new Peer();
    peer.receive(body(attributes, [...path(0, ...prefix), ...path(7, ...prefix)]), context);
    expect(counts(peer)).toEqual([2, 0]);
    peer.receive(body([...ORIGIN, ...AS_PATH, 0x40, 3, 4, 192, 0, 2, 2], path(7, ...prefix)), context);
    expect(counts(peer)).toEqual([2, 0]);
    const withdrawn = path(0, ...prefix);
    peer.receive(Uint8Array.of(...u16(withdrawn.length), ...withdrawn, 0, 0), context);
    expect(counts(peer)).toEqual([1, 0]);
    expect(peer.route(0)).toMatchObject({ nextHop: '192.0.2.2' });
  });

  it('has them in the multiprotocol attributes too', () => {
    const peer = new Peer();
    const nlri = [...path(1, 48, 0x20, 0x01, 0x0d, 0xb8, 0, 1), ...path(2, 48, 0x20, 0x01, 0x0d, 0xb8, 0, 1)];
    const value = [0, 2, 1, 16, ...parseAddress('2001:db8::9').bytes, 0, ...nlri];
    peer.receive(body([0x80, 14, value.length, ...value, ...ORIGIN, ...AS_PATH], []), context);
    expect(counts(peer)).toEqual([0, 2]);
    const gone = [0, 2, 1, ...path(1, 48, 0x20, 0x01, 0x0d, 0xb8, 0, 1)];
    peer.receive(body([0x80, 15, gone.length, ...gone], []), context);
    expect(counts(peer)).toEqual([0, 1]);
  });

  it('has them only in the families for which that was negotiated', () => {
    const peer = new Peer();
    const mixed = { ...CONTEXT, addPaths: [0] as const };
    peer.receive(body([...reach('2001:db8::9'), ...ORIGIN, ...AS_PATH, ...NEXT_HOP], path(3, ...prefix)), mixed);
    expect(counts(peer)).toEqual([1, 1]);
    const { words, length } = parsePrefix('2001:db8:1::/48');
    expect(peer.rib.tables[1].prefixes.find(...words, length)).not.toBe(0);
    const gone = [0, 2, 1, 48, 0x20, 0x01, 0x0d, 0xb8, 0, 1];
    peer.receive(body([0x80, 15, gone.length, ...gone], []), mixed);
    expect(counts(peer)).toEqual([1, 0]);
  });

  it('withdraws the paths that it announces where their attributes are malformed (RFC 7606 §2)', () => {
    const peer = new Peer();
    peer.receive(body(attributes, [...path(1, ...prefix), ...path(2, ...prefix)]), context);
    const { faults } = peer.receive(body([...ORIGIN, ...NEXT_HOP], path(2, ...prefix)), context);
    expect(faults).toHaveLength(1);
    expect(counts(peer)).toEqual([1, 0]);
  });

  it('resets the session where a path identifier is cut, and takes nothing in (RFC 7606 §5.3)', () => {
    const peer = new Peer();
    expect(() => peer.receive(body(attributes, [...path(1, ...prefix), 0, 0]), context)).toThrow(/path identifier/);
    expect(counts(peer)).toEqual([0, 0]);
  });
});

describe('a received UPDATE', () => {
  it.each([
    ['global and link-local', ['2001:db8::9', 'fe80::9'], { nextHop: '2001:db8::9', linkLocalNextHop: 'fe80::9' }],
    ['link-local only', ['fe80::9'], { nextHop: 'fe80::9' }],
    ['link-local behind none', ['::', 'fe80::9'], { nextHop: '::', linkLocalNextHop: 'fe80::9' }],
  ])('may have a next hop that is %s (RFC 2545 §3)', (_what, nextHop, expected) => {
    const peer = new Peer();
    const { faults } = peer.receive(body([...reach(...nextHop), ...ORIGIN, ...AS_PATH], []));
    expect(faults).toEqual([]);
    expect(peer.route(1)).toMatchObject(expected);
  });

  it('withdraws its routes where neither address of a next hop is one', () => {
    const peer = new Peer();
    const { faults } = peer.receive(body([...reach('::', '::'), ...ORIGIN, ...AS_PATH], []));
    expect(faults).toHaveLength(1);
    expect(peer.route(1)).toBeUndefined();
  });

  it('withdraws its routes where the attributes are too long with 4-octet AS numbers', () => {
    const peer = new Peer();
    const context = { ...CONTEXT, fourOctetAs: false };
    const narrow = [0x40, 2, 4, 2, 1, 0xfd, 0xe9];
    peer.receive(body([...ORIGIN, ...narrow, ...NEXT_HOP]), context);
    expect(peer.route(0)).toBeDefined();
    const segment = [2, 250, ...Array.from({ length: 250 }, () => [0xfd, 0xe9]).flat()];
    const path = Array.from({ length: 100 }, () => segment).flat();
    const { faults } = peer.receive(body([...ORIGIN, 0x50, 2, ...u16(path.length), ...path, ...NEXT_HOP]), context);
    expect(faults).toEqual([expect.stringMatching(/too long/)]);
    expect(peer.route(0)).toBeUndefined();
    expect(peer.rib.sets.count).toBe(0);
  });

  it.each([
    ['100', ['plain'], localPref(100)],
    ['the metric 1024', ['metric'], localPref(2_147_482_623)],
    ['no LOCAL_PREF', [undefined], []],
    ['0, as in a graceful shutdown (RFC 8326)', [undefined], localPref(0)],
    ['the metric 0, which none has', ['plain'], localPref(2_147_483_647)],
    [
      'a metric that it only reflects (RFC 4456 §8)',
      [undefined],
      [...localPref(2_147_482_623), 0x80, 9, 4, 1, 0, 0, 5],
    ],
  ])('shows what LOCAL_PREF is to a peer in our AS, with %s', (_what, expected, more) => {
    const internal = { ...CONTEXT, external: false };
    const own = [...ORIGIN, 0x40, 2, 0, ...NEXT_HOP, ...more];
    expect([new Peer().receive(body(own), internal).localPrefScale]).toEqual(expected);
    // What other ASes told it shows nothing.
    const passedOn = [...ORIGIN, ...AS_PATH, ...NEXT_HOP, ...more];
    expect(new Peer().receive(body(passedOn), internal).localPrefScale).toBeUndefined();
  });
});
