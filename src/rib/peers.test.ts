import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerInfo } from './peers.ts';
import { SOURCE_EXTERNAL } from './policy.ts';
import { Rib } from './rib.ts';

function info(address: string): PeerInfo {
  const importPolicy = {
    key: '',
    perPrefix: false,
    apply: ({ set }: { set: number }) => set,
    explain: () => ({ accepted: true, why: '' }),
  };
  return { address, source: SOURCE_EXTERNAL, routerId: 1, localAs: 64512, allowLocalAs: 0, importPolicy };
}

/** In the order of their addresses: by family, then by bytes, not by text. */
const ADDRESSES = ['10.0.0.2', '10.0.0.10', '192.0.2.1', '198.51.100.1', '2001:db8::2', '2001:db8::10', 'fe80::1%eth0'];

describe('peers', () => {
  it('rank as their addresses do, however they come and go', () => {
    const step = fc.tuple(fc.constantFrom(...ADDRESSES), fc.constantFrom('add', 'remove', 'recycle', 'set'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const peers = new Rib({ self: { routerId: 1, clusterId: 1 } }).peers;
        const indexes = new Map<string, number>();
        for (const [address, what] of steps) {
          const index = indexes.get(address);
          if (what === 'recycle') peers.recycle();
          else if (index === undefined) indexes.set(address, peers.add(info(address)));
          else if (what === 'set') peers.set(index, info(address));
          else if (what === 'remove') {
            peers.remove(index);
            indexes.delete(address);
          }
        }
        const known = ADDRESSES.filter((address) => indexes.has(address));
        const byRank = known.toSorted((a, b) => peers.rank[indexes.get(a)!] - peers.rank[indexes.get(b)!]);
        expect(byRank).toEqual(known);
        expect(new Set(indexes.values()).size).toBe(indexes.size);
        expect(known.every((address) => peers.info[indexes.get(address)!]?.address === address)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('get the lowest number that is free, and no number that routes may still have', () => {
    const peers = new Rib({ self: { routerId: 1, clusterId: 1 } }).peers;
    const numbers = ADDRESSES.slice(0, 4).map((address) => peers.add(info(address)));
    expect(numbers).toEqual([3, 4, 5, 6]);
    peers.remove(5);
    peers.remove(4);
    expect(peers.add(info('10.9.9.9'))).toBe(7);
    peers.recycle();
    expect([peers.add(info('10.0.0.10')), peers.add(info('192.0.2.1'))]).toEqual([4, 5]);
  });
});
