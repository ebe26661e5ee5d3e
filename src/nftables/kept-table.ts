/**
 * Keeps a table of nftables as it should be: written as a whole in one transaction, looked at every few seconds, and written
 * again where somebody changed or removed it, as a reload of other rules does that begins with `flush ruleset`. No other
 * table is read or touched.
 */
import { NftablesError, runNft } from './nft.ts';
import type { NftCommand } from './nft.ts';

/** How often the table is looked at, and what failed is tried again, in milliseconds. */
const LOOK_INTERVAL = 5000;

/** Changes that come sooner after one another than this, in milliseconds, are written together. */
const WRITE_INTERVAL = 250;

export interface KeptTableOptions {
  /** Name of the table, which is of the family inet and nobody else's. */
  readonly name: string;
  /** The table was not as written, and is again. */
  readonly repaired: () => void;
  /** What keeps the table from being as it should be, whenever that is another thing; undefined when nothing does any more. */
  readonly troubled: (error: NftablesError | undefined) => void;
  readonly nft?: NftCommand;
}

/** What should be in the table, in nft's language; undefined where there should be no table. */
interface Contents {
  readonly body: string | undefined;
}

export class KeptTable {
  private readonly options: KeptTableOptions;
  private readonly nft: NftCommand;
  /** Undefined until somebody said what is wanted: until then a table of an earlier run stays. */
  private wanted: Contents | undefined;
  private written: Contents | undefined;
  /** The table as the kernel listed it after it was written; empty where somebody was faster, and removed it. */
  private listed = '';
  private trouble = '';
  /** Whether what was tried last failed, so that it waits. */
  private failed = false;
  private lastWrite = -WRITE_INTERVAL;
  private timer: NodeJS.Timeout | undefined;
  private busy: Promise<void> | undefined;
  private stopped = false;

  constructor(options: KeptTableOptions) {
    this.options = options;
    this.nft = options.nft ?? runNft;
  }

  /** Whether an earlier run left the table, as far as can be told. */
  async isThere(): Promise<boolean> {
    try {
      return (await this.list()) !== '';
    } catch (error) {
      if (error instanceof NftablesError) return false;
      throw error;
    }
  }

  /** Says what should be in the table; undefined where there should be none, nor one of an earlier run. */
  set(body: string | undefined): void {
    if (this.wanted !== undefined && this.wanted.body === body) return;
    this.wanted = { body };
    this.failed = false;
    this.plan();
  }

  /** Ends the watch; removes the table, unless it is to be kept. */
  async stop(options: { readonly keep: boolean }): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.busy;
    if (options.keep) return;
    await this.remove().catch((error: unknown) => this.report(error));
  }

  /** Sees to it that the next thing there is to do will be done. */
  private plan(): void {
    if (this.busy !== undefined || this.stopped) return;
    clearTimeout(this.timer);
    const { wanted, written, failed } = this;
    const due = wanted !== written && !failed;
    // Where there should be no table there is nothing to look after.
    if (!due && !failed && wanted?.body === undefined) return;
    const wait = due ? Math.max(0, this.lastWrite + WRITE_INTERVAL - performance.now()) : LOOK_INTERVAL;
    this.timer = setTimeout(() => {
      this.busy = this.work().finally(() => {
        this.busy = undefined;
        this.plan();
      });
    }, wait).unref();
  }

  private async work(): Promise<void> {
    const { wanted, written } = this;
    try {
      if (wanted !== written) await this.write(wanted);
      else if (this.listed === '' || (await this.list()) !== this.listed) {
        await this.write(wanted);
        this.options.repaired();
      }
      this.report(undefined);
    } catch (error) {
      this.report(error);
    }
  }

  private async write(wanted: Contents | undefined): Promise<void> {
    const { name } = this.options;
    this.lastWrite = performance.now();
    if (wanted?.body === undefined) await this.remove();
    else {
      // One transaction; there has to be a table before it can be deleted.
      await this.nft(
        ['-f', '-'],
        `add table inet ${name}\ndelete table inet ${name}\ntable inet ${name} {\n${wanted.body}}\n`,
      );
      this.listed = await this.list();
    }
    this.written = wanted;
  }

  private async remove(): Promise<void> {
    try {
      await this.nft(['delete', 'table', 'inet', this.options.name]);
    } catch (error) {
      // Without the command there was never a table.
      if (!(error instanceof NftablesError) || error.code === 'NFT_REFUSED') throw error;
    }
  }

  /** Without what counters count, and without the elements of sets: many of them take long. Empty where there is no table. */
  private async list(): Promise<string> {
    try {
      return await this.nft(['--stateless', '--terse', 'list', 'table', 'inet', this.options.name]);
    } catch (error) {
      if (error instanceof NftablesError && error.code === 'NFT_ABSENT') return '';
      throw error;
    }
  }

  private report(error: unknown): void {
    if (error !== undefined && !(error instanceof NftablesError)) throw error;
    this.failed = error !== undefined;
    const words = error?.message ?? '';
    if (words === this.trouble) return;
    this.trouble = words;
    this.options.troubled(error);
  }
}
