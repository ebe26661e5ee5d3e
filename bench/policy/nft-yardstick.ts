/**
 * The yardstick for transactions of nftables: the same difference, by a plain `nft -f -` that is started for it, as most programs
 * do that write rules.
 */
import { runNft } from '../../src/nftables/nft.ts';
import type { TableWriter } from '../../src/nftables/table-writer.ts';
import { WantedTable } from '../../src/nftables/wanted-table.ts';

/** A table that is told as `KernelTable` is, and written by one nft a commit. */
export class NftYardstick {
  readonly writer: TableWriter;
  private readonly wanted: WantedTable;
  private isThere = false;

  /** `name` is that of the table, in the family inet and the network namespace of this process. */
  constructor(name: string) {
    this.wanted = new WantedTable(name);
    this.writer = this.wanted;
  }

  /** Brings what was told since the last time into the kernel; returns how long nft took, in milliseconds. */
  async commit(): Promise<number> {
    const text = [...(this.isThere ? this.wanted.difference() : this.wanted.everything())].join('');
    const before = performance.now();
    if (text !== '') await runNft(['-f', '-'], text);
    this.isThere = true;
    return performance.now() - before;
  }
}
