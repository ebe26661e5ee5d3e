/**
 * Brings transactions into the kernel through a child that stays: a few statements in one line, more of them by a file that it
 * includes. Where it cannot be had, as in an nft that was built without a command line, or no file can be written, nft is run for each.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NftChild } from './nft-child.ts';
import { NftablesError, missingNft, refusedByNft } from './nft.ts';
import { netfilterPort } from './own-port.ts';

/** Longest text that goes in a line, in characters: longer lines cost more than a file. */
const LONGEST_LINE = 1500;

/** What nft takes in a line as it stands. */
const PLAIN_TEXT = /^[\x20-\x7e\n]*$/;

/** How much is made at a time, in characters and milliseconds, before others get their turn. */
const SLICE_LENGTH = 1 << 16;
const SLICE_TIME = 10;

/** A child gets slower with each line, as it keeps a history, and keeps the memory of its largest transaction. */
const MOST_TRANSACTIONS = 2000;
const MOST_CHARACTERS = 4 << 20;
const MOST_AT_ONCE = 1 << 19;

/** How long nft is run for each transaction, in milliseconds, before a child, or a file, is tried again. */
const DETOUR = 60_000;

/** How long a run of nft may take, in milliseconds. */
const PATIENCE = 60_000;

/** What a transaction consisted of. */
export interface TransactionSize {
  readonly statements: number;
  /** Of text. */
  readonly bytes: number;
  /** Time of the processor that nft took, in milliseconds, where that is known. */
  readonly processorTime?: number;
}

export interface NftTransactorOptions {
  /** From now on the changes that come from this port of netlink are one's own. */
  readonly ownPort: (portId: number) => void;
}

export class NftTransactor {
  private readonly options: NftTransactorOptions;
  private child: NftChild | undefined;
  private starting: Promise<NftChild | undefined> | undefined;
  private transactions = 0;
  private characters = 0;
  /** Time of the processor that the child took before. */
  private spent = 0;
  /** Until when, as performance.now() has it, there is no use in a child. */
  private detourUntil = 0;
  private stopped = false;

  constructor(options: NftTransactorOptions) {
    this.options = options;
  }

  /**
   * Brings statements, each with its line break, into the kernel in one transaction; undefined where there are none. One at a time.
   * Rejects with {@link NftablesError}, after which `statements` were read in part or not at all.
   */
  async apply(statements: Generator<string>): Promise<TransactionSize | undefined> {
    const child = await this.ready();
    try {
      const source = new Source(statements);
      const text = source.take(LONGEST_LINE);
      if (text === '') return undefined;
      if (child === undefined) await this.runPlain(source, text);
      else if (source.isAtEnd && text.length <= LONGEST_LINE && PLAIN_TEXT.test(text)) {
        await run(child, text.trimEnd().replaceAll('\n', '; '));
      } else await this.runFile(child, source, text);
      const { statements: count, characters: bytes } = source;
      return { statements: count, bytes, ...this.spend(child) };
    } finally {
      // A generator that is left tidies up.
      statements.return(undefined);
      this.renew();
    }
  }

  /** The time of the processor that the child took since the last call. */
  private spend(child: NftChild | undefined): Pick<TransactionSize, 'processorTime'> {
    const total = child?.processorTime;
    if (total === undefined) return {};
    const processorTime = total - this.spent;
    this.spent = total;
    return { processorTime };
  }

  /** Ends the child. */
  async stop(): Promise<void> {
    this.stopped = true;
    const child = (await this.starting?.catch(() => undefined)) ?? this.child;
    child?.kill();
    await child?.gone;
  }

  /** The child, at work; undefined where there can be none for now. */
  private ready(): Promise<NftChild | undefined> {
    // One that is being started is alive, and not ready yet.
    if (this.starting === undefined && this.child?.isAlive === true) return Promise.resolve(this.child);
    this.starting ??= this.start().finally(() => (this.starting = undefined));
    return this.starting;
  }

  private async start(): Promise<NftChild | undefined> {
    // What an earlier one still does would else be taken for another's.
    await this.child?.gone;
    if (this.stopped || performance.now() < this.detourUntil) return undefined;
    const child = new NftChild();
    this.child = child;
    this.transactions = this.characters = this.spent = 0;
    try {
      // When this is done, it has its socket.
      await child.run('');
    } catch (error) {
      if (!(error instanceof NftablesError) || error.code === 'NFT_MISSING') throw error;
      this.detourUntil = performance.now() + DETOUR;
      return undefined;
    }
    this.options.ownPort(netfilterPort(child.pid));
    return child;
  }

  /** Sees to it that the next transaction finds a child that is quick and small. */
  private renew(): void {
    const { child } = this;
    if (child === undefined || this.stopped) return;
    this.transactions++;
    const isUsedUp = this.transactions >= MOST_TRANSACTIONS || this.characters >= MOST_CHARACTERS;
    if (child.isAlive && isUsedUp) child.kill();
    else if (child.isAlive) return;
    child.gone.then(() => this.ready()).catch(() => undefined);
  }

  private async runFile(child: NftChild, source: Source, start: string): Promise<void> {
    let folder: string | undefined;
    try {
      try {
        folder = await mkdtemp(join(tmpdir(), 'starling-nft-'));
        await write(join(folder, 'transaction'), source, start);
      } catch (error) {
        this.detourUntil = performance.now() + DETOUR;
        child.kill();
        const reason = error instanceof Error ? error.message : String(error);
        throw new NftablesError('NFT_REFUSED', `a file for nft cannot be written: ${reason}`, { cause: error });
      }
      this.characters += source.characters > MOST_AT_ONCE ? MOST_CHARACTERS : source.characters;
      await run(child, `include "${join(folder, 'transaction')}"`);
    } finally {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  private async runPlain(source: Source, start: string): Promise<void> {
    const env = { ...process.env, LC_ALL: 'C' };
    const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'], env, timeout: PATIENCE });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('close', resolve);
      child.once('error', reject);
    });
    // Else one that comes while the text is made would count as heard by nobody.
    ended.catch(() => undefined);
    // Without files it has no streams, and says by its error why.
    if ((child.stderr as unknown) === undefined)
      throw cannotStart(await ended.then(undefined, (error: unknown) => error));
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.stdin.on('error', () => {});
    if (child.pid !== undefined) this.options.ownPort(child.pid);
    for (let text = start; text !== ''; text = source.take(SLICE_LENGTH)) {
      if (!child.stdin.write(text)) await Promise.race([once(child.stdin, 'drain'), ended.catch(() => undefined)]);
    }
    child.stdin.end();
    let code: number | null;
    try {
      code = await ended;
    } catch (error) {
      throw cannotStart(error);
    }
    if (code === null) throw new NftablesError('NFT_ENDED', `nft was ended, perhaps after ${PATIENCE / 1000} s`);
    if (code !== 0) throw refusedByNft(complaint, `nft ended with code ${code}`);
  }
}

function cannotStart(error: unknown): NftablesError {
  const { message } = error as NodeJS.ErrnoException;
  const missing = missingNft(error as NodeJS.ErrnoException);
  return missing ?? new NftablesError('NFT_REFUSED', `nft cannot be started: ${message}`, { cause: error });
}

/** Statements in pieces, and how much they were. */
class Source {
  statements = 0;
  characters = 0;
  isAtEnd = false;
  private readonly pieces: Generator<string>;

  constructor(pieces: Generator<string>) {
    this.pieces = pieces;
  }

  /** The next statements, until they are longer than `length` or took long; empty only at the end. */
  take(length: number): string {
    const until = performance.now() + SLICE_TIME;
    let text = '';
    do {
      const next = this.pieces.next();
      if (next.done === true) {
        this.isAtEnd = true;
        break;
      }
      text += next.value;
      for (let at = next.value.indexOf('\n'); at >= 0; at = next.value.indexOf('\n', at + 1)) this.statements++;
    } while (text.length <= length && (text === '' || performance.now() < until));
    this.characters += text.length;
    return text;
  }
}

async function write(path: string, source: Source, start: string): Promise<void> {
  const file: FileHandle = await open(path, 'wx', 0o600);
  try {
    for (let text = start; text !== ''; text = source.take(SLICE_LENGTH)) await file.appendFile(text);
  } finally {
    await file.close();
  }
}

async function run(child: NftChild, line: string): Promise<void> {
  const complaint = await child.run(line);
  if (complaint !== '') throw refusedByNft(complaint);
}
