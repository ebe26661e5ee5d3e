/**
 * Whether `starlingd` keeps its own table against packets to services that nobody serves. It knows more (which prefixes routes
 * lead to), so that the agent leaves them to it wherever the table is there.
 */
import { LOOPS_TABLE } from '../nftables/loop-rules.ts';
import { NftablesError } from '../nftables/nft.ts';
import type { NftCommand } from '../nftables/nft.ts';

/** How often somebody looks, in milliseconds. Meanwhile both may stop the packets, which harms nothing. */
const LOOK_INTERVAL = 5000;

export interface LoopsOwnerOptions {
  readonly nft: NftCommand;
  /** The table came, or went. */
  readonly changed: (isThere: boolean) => void;
}

export class LoopsOwner {
  /** Whether the table of `starlingd` is there. */
  isThere = false;

  private readonly options: LoopsOwnerOptions;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(options: LoopsOwnerOptions) {
    this.options = options;
  }

  /** Looks once, and from then on every few seconds. */
  async start(): Promise<void> {
    this.isThere = await this.look();
    this.plan();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private plan(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.lookAgain(), LOOK_INTERVAL).unref();
  }

  private async lookAgain(): Promise<void> {
    const isThere = await this.look();
    if (isThere !== this.isThere && !this.stopped) {
      this.isThere = isThere;
      this.options.changed(isThere);
    }
    this.plan();
  }

  private async look(): Promise<boolean> {
    try {
      await this.options.nft(['--stateless', '--terse', 'list', 'table', 'inet', LOOPS_TABLE]);
      return true;
    } catch (error) {
      if (!(error instanceof NftablesError)) throw error;
      // Where nft can't be asked it can't be told rules either, which is said elsewhere.
      return error.code === 'NFT_ABSENT' ? false : this.isThere;
    }
  }
}
