/** Changes in a large cluster, evenly spread over time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { blockCidr, clusterNode, movedAddress } from './nodes.ts';
import type { ClusterSize, ClusterStore } from './store.ts';

/** What was written, and when on the monotonic clock. */
export interface WrittenBlock {
  readonly cidr: string;
  /** Nanoseconds. */
  readonly at: bigint;
}

/** What was done in all. */
export interface Changes {
  readonly count: number;
  readonly seconds: number;
  /** Blocks that the daemon's node was given. */
  readonly blocks: readonly WrittenBlock[];
}

/** New blocks that the daemon's node has at a time: each is there long enough to be heard of. */
const KEPT = 10;

/**
 * Of ten changes, one gives the daemon's node a block or takes it away again, one gives another node another address, and
 * eight change a label of other nodes. Throws where the datastore refuses one.
 */
export async function makeChanges(
  store: ClusterStore,
  { nodes, blocksPerNode }: ClusterSize,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<Changes> {
  const count = perSecond * seconds;
  const blocks: WrittenBlock[] = [];
  const moved = new Set<number>();
  /** Not the daemon's own, and not the one that is there. */
  const nodeFor = (index: number) => 2 + ((index * 7) % (nodes - 2));
  const firstFree = nodes * blocksPerNode;
  const change = (index: number): Promise<void> => {
    const number = nodeFor(index);
    if (index % 20 === 0) {
      const cidr = blockCidr(firstFree + blocks.length);
      blocks.push({ cidr, at: process.hrtime.bigint() });
      return store.addBlock(cidr);
    }
    if (index % 20 === 10 && blocks.length > KEPT) return store.removeBlock(blocks[blocks.length - KEPT - 1].cidr);
    if (index % 10 !== 5) return store.label(number, String(index));
    const back = moved.delete(number);
    if (!back) moved.add(number);
    return store.move(number, back ? clusterNode(number).address : movedAddress(number));
  };
  const begun = performance.now();
  const written: Promise<void>[] = [];
  for (let index = 0; index < count; index++) {
    const due = begun + (index * 1000) / perSecond;
    if (due > performance.now()) await sleep(due - performance.now());
    const done = change(index);
    // Awaited below, with all others.
    done.catch(() => undefined);
    written.push(done);
  }
  await Promise.all(written);
  return { count, seconds: (performance.now() - begun) / 1000, blocks };
}
