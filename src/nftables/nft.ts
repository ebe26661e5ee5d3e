/** The `nft` command of nftables, as a child process. */
import { execFile } from 'node:child_process';

/** How long the command may take, in milliseconds: it waits for as long as others hold the lock of the kernel. */
const PATIENCE = 30_000;

/** How much of a statement an error shows, in characters. */
const LONGEST_STATEMENT = 200;

/** Most bytes that it may answer. */
const LONGEST_ANSWER = 16 << 20;

/** Runs `nft` with `argv`, `input` on its standard input, and gives what it says; rejects with {@link NftablesError}. */
export type NftCommand = (argv: readonly string[], input?: string) => Promise<string>;

/** A statement that nft, or the kernel, does not take. */
export interface NftRefusal {
  /** Shortened. */
  readonly statement: string;
  readonly reason: string;
}

/** The kernel's packet filter could not be told or asked something. */
export class NftablesError extends Error {
  /**
   * `NFT_MISSING`: there is no `nft` command. `NFT_ABSENT`: what is asked for is not there. `NFT_REFUSED`: the command, or the
   * kernel, did not take it; nothing of it is in force. `NFT_ENDED`: the command was gone before it said anything, and may or may
   * not have done what it was to do.
   */
  readonly code: 'NFT_MISSING' | 'NFT_ABSENT' | 'NFT_REFUSED' | 'NFT_ENDED';
  /** The statements that it did not take, as far as it showed them: without them it may take the rest. */
  readonly refusals: readonly NftRefusal[];

  constructor(
    code: NftablesError['code'],
    message: string,
    { refusals = [], ...options }: ErrorOptions & { readonly refusals?: readonly NftRefusal[] } = {},
  ) {
    super(message, options);
    this.name = 'NftablesError';
    this.code = code;
    this.refusals = refusals;
  }
}

/** See {@link NftCommand}. `program` is found by PATH. */
export function runNft(argv: readonly string[], input = '', program = 'nft'): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: PATIENCE, maxBuffer: LONGEST_ANSWER, env: { ...process.env, LC_ALL: 'C' } };
    try {
      const child = execFile(program, argv, options, (error, output, complaint) => {
        if (error === null) resolve(output);
        else reject(asNftablesError(error, complaint));
      });
      // A program that ends before it has read everything says by its exit code what it has to say.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    } catch (error) {
      // Some reasons for which there can be no process are thrown, as that there is no memory (ENOMEM).
      reject(asNftablesError(error as Error, ''));
    }
  });
}

/** The error where a program cannot be started because there is none; undefined where it is for another reason. */
export function missingNft(error: NodeJS.ErrnoException): NftablesError | undefined {
  // EACCES: nor is it in a folder of PATH that this user may not look into.
  if (error.code !== 'ENOENT' && error.code !== 'EACCES') return undefined;
  return new NftablesError('NFT_MISSING', 'the nft command is not installed (package nftables)', { cause: error });
}

/** The error of which nft says `complaint`, with the statement that it is about, where it shows that; else `otherwise` is said. */
export function refusedByNft(complaint: string, otherwise = ''): NftablesError {
  const lines = complaint.split('\n');
  const all = lines.flatMap((line, index) => (ERROR.test(line) ? [refusalOf(line, lines[index + 1])] : []));
  const { reason: said, statement } = all[0] ?? { reason: lines[0].trim(), statement: '' };
  const reason = said === '' ? otherwise : said;
  // A table of a similar name may follow as a suggestion.
  const code = reason.includes('No such file or directory') ? 'NFT_ABSENT' : 'NFT_REFUSED';
  const refusals = all.filter((refusal) => refusal.statement !== '' && !PASSING.test(refusal.reason));
  return new NftablesError(code, `nft: ${reason}${statement === '' ? '' : `: ${statement}`}`, { refusals });
}

/** Where a complaint says what is wrong, and with which column of the line after it. */
const ERROR = /(?::(\d+)-\d+: )?Error: (.*)$/;

/** Errors of the kernel that are not of the statement: ENOMEM, ENOBUFS, EPERM, EBUSY, EAGAIN, EINTR. */
const PASSING =
  /Cannot allocate memory|No buffer space|Operation not permitted|resource busy|temporarily unavailable|Interrupted/;

function refusalOf(error: string, line = ''): NftRefusal {
  const [, column = '', reason = ''] = ERROR.exec(error) ?? [];
  return { reason: reason.trim(), statement: column === '' ? '' : statementAt(line, Number(column)) };
}

/** The statement at a column, counted from one, of a line of several. */
function statementAt(line: string, column: number): string {
  let end = 0;
  const statement = line.split(/(?<=; )(?=(?:add|delete|flush) )/).find((text) => (end += text.length) >= column);
  return (statement ?? line).replace(/; $/, '').trim().slice(0, LONGEST_STATEMENT);
}

function asNftablesError(error: Error & { readonly code?: unknown; readonly killed?: boolean }, complaint: string) {
  const missing = missingNft(error as NodeJS.ErrnoException);
  if (missing !== undefined) return missing;
  if (error.killed === true) return new NftablesError('NFT_REFUSED', `nft did not end in ${PATIENCE / 1000} s`);
  return refusedByNft(complaint, error.message);
}
