/**
 * A long-lived `nft -i`, which takes a command a line. It says nothing when it is done with one, so a word that is no command
 * follows each: what it complains about that marks the end.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { NftablesError, missingNft } from './nft.ts';

/** How long a command may take, in milliseconds: a million elements take seconds, and others may hold the kernel's lock. */
const PATIENCE = 60_000;

/** Most characters of a complaint that are kept, of its start and of its end each. */
const LONGEST_COMPLAINT = 1 << 15;

/** Lines that point into the line above them. */
const POINTERS = /^[ ^~]*\n/gm;

interface Waiting {
  readonly mark: string;
  readonly resolve: (complaint: string) => void;
  readonly reject: (error: NftablesError) => void;
  readonly timer: NodeJS.Timeout;
}

export class NftChild {
  /** Settles when the process is gone, and with it all that it may still have done. */
  readonly gone: Promise<void>;
  private readonly child: ChildProcessByStdio<Writable, null, Readable>;
  private complaint = '';
  private marks = 0;
  private waiting: Waiting | undefined;
  private ended: NftablesError | undefined;

  constructor() {
    // The folder of HOME gets a history of all commands. It cannot be there.
    const env = { ...process.env, LC_ALL: 'C', HOME: '/dev/null' };
    this.child = spawn('nft', ['-i'], { stdio: ['pipe', 'ignore', 'pipe'], env });
    // It has none where this process cannot open one file more.
    const { stdin, stderr }: { readonly stdin?: Writable; readonly stderr?: Readable } = this.child;
    stderr?.setEncoding('utf8').on('data', (text: string) => this.heard(text));
    // A process that is gone says so by its exit.
    stdin?.on('error', () => {});
    if (stdin === undefined)
      this.ended = new NftablesError('NFT_REFUSED', 'nft cannot be started: too many open files');
    this.gone = new Promise((resolve) => {
      this.child.once('error', (error: NodeJS.ErrnoException) => {
        this.end(missingNft(error) ?? new NftablesError('NFT_REFUSED', `nft cannot be started: ${error.message}`));
        if (this.child.pid === undefined) resolve();
      });
      this.child.once('close', (code, signal) => {
        const [first = ''] = this.complaint.trim().split('\n');
        const why = signal === null ? `with code ${code ?? 0}` : `by ${signal}`;
        this.end(new NftablesError('NFT_ENDED', `nft ended ${why}${first === '' ? '' : `: ${first}`}`));
        resolve();
      });
    });
  }

  /** 0 where it could not be started. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Time of the processor that it took so far, in milliseconds; undefined where that cannot be looked up (proc(5)). */
  get processorTime(): number | undefined {
    try {
      const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
      // Behind its name, which may hold anything: state, and utime and stime as the twelfth and thirteenth, in hundredths of seconds.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return 10 * (Number(fields[11]) + Number(fields[12]));
    } catch {
      return undefined;
    }
  }

  get isAlive(): boolean {
    return this.ended === undefined;
  }

  /**
   * Runs one line, one at a time, and gives what nft complained about, empty if nothing. Rejects with {@link NftablesError} if it
   * is not there, or did not come to an end; what was done is known then only when it is {@link gone}.
   */
  run(line: string): Promise<string> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    const mark = `end-of-command-${++this.marks}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.end(new NftablesError('NFT_ENDED', `nft did not end in ${PATIENCE / 1000} s`));
        this.kill();
      }, PATIENCE);
      this.waiting = { mark, resolve, reject, timer };
      this.child.stdin.write(`${line}\n${mark}\n`);
    });
  }

  /** Ends the process, whatever it does. */
  kill(): void {
    this.end(new NftablesError('NFT_ENDED', 'nft was ended'));
    this.child.kill('SIGKILL');
  }

  private heard(text: string): void {
    this.complaint += text;
    const { waiting, complaint } = this;
    const at = waiting === undefined ? -1 : complaint.indexOf(`\n${waiting.mark}\n`);
    if (waiting === undefined || at < 0) {
      if (complaint.length <= 2 * LONGEST_COMPLAINT) return;
      this.complaint = complaint.slice(0, LONGEST_COMPLAINT) + complaint.slice(-LONGEST_COMPLAINT);
      return;
    }
    this.complaint = '';
    this.waiting = undefined;
    clearTimeout(waiting.timer);
    // The line before the mark says what is wrong with it; a line that points into it follows, perhaps only with the next complaint.
    const before = complaint.slice(0, complaint.lastIndexOf('\n', at - 1) + 1);
    waiting.resolve(before.replaceAll(POINTERS, ''));
  }

  private end(error: NftablesError): void {
    this.ended ??= error;
    const { waiting } = this;
    this.waiting = undefined;
    clearTimeout(waiting?.timer);
    waiting?.reject(this.ended);
  }
}
