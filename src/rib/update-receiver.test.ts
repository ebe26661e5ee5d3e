import { describe, expect, it } from 'vitest';
import { decodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import type { Attributes } from '../bgp/messages/attributes/attributes.ts';
import { parseAddress } from '../net/address.ts';
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
});
