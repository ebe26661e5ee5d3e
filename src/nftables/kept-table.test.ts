import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeptTable } from './kept-table.ts';
import { NftablesError, runNft } from './nft.ts';

/** A kernel that has at most the table `t`, and what is told of it. */
function start() {
  const seen = {
    table: undefined as string | undefined,
    /** What the command answers instead of doing anything. */
    refusal: undefined as NftablesError | undefined,
    /** Whether somebody removes the table as soon as it is written. */
    flushed: false,
    scripts: [] as string[],
    repairs: 0,
    troubles: [] as string[],
  };
  const absent = () => new NftablesError('NFT_ABSENT', 'nft: No such file or directory');
  const nft = (argv: readonly string[], input?: string): Promise<string> => {
    if (seen.refusal !== undefined) return Promise.reject(seen.refusal);
    if (input !== undefined) {
      seen.scripts.push(input);
      seen.table = seen.flushed ? undefined : input;
      return Promise.resolve('');
    }
    if (seen.table === undefined) return Promise.reject(absent());
    if (argv[0] === 'delete') seen.table = undefined;
    return Promise.resolve(seen.table ?? '');
  };
  const table = new KeptTable({
    name: 't',
    nft,
    repaired: () => seen.repairs++,
    troubled: (error) => seen.troubles.push(error?.code ?? 'none'),
  });
  return { table, seen };
}

/** Lets what is due be done. */
const pass = (milliseconds = 0) => vi.advanceTimersByTimeAsync(milliseconds);

const SCRIPT = 'add table inet t\ndelete table inet t\ntable inet t {\nA}\n';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a table that is kept', () => {
  it('is replaced as a whole in one transaction, once', async () => {
    const { table, seen } = start();
    table.set('A');
    await pass();
    table.set('A');
    await pass(1000);
    expect(seen.scripts).toEqual([SCRIPT]);
  });

  it('is written again where it was removed before it could be looked at', async () => {
    const { table, seen } = start();
    seen.flushed = true;
    table.set('A');
    await pass();
    expect(seen.table).toBeUndefined();
    seen.flushed = false;
    await pass(5000);
    expect([seen.table, seen.repairs]).toEqual([SCRIPT, 1]);
    await pass(10_000);
    expect([seen.scripts.length, seen.repairs]).toEqual([2, 1]);
  });

  it('takes changes that follow soon together', async () => {
    const { table, seen } = start();
    table.set('A');
    await pass();
    table.set('B');
    await pass(50);
    table.set('C');
    await pass(400);
    expect(seen.scripts.map((script) => script.at(-3))).toEqual(['A', 'C']);
  });

  it.each([
    ['removed', undefined],
    ['changed', 'other'],
  ])('is written again where it was %s by somebody', async (_what, now) => {
    const { table, seen } = start();
    table.set('A');
    await pass();
    seen.table = now;
    await pass(6000);
    expect(seen).toMatchObject({ table: SCRIPT, repairs: 1 });
    await pass(20_000);
    expect(seen.scripts).toHaveLength(2);
  });

  it('tells what is in the way once, tries again, and tells when it is over', async () => {
    const { table, seen } = start();
    seen.refusal = new NftablesError('NFT_MISSING', 'no nft');
    table.set('A');
    await pass(20_000);
    expect(seen.troubles).toEqual(['NFT_MISSING']);
    seen.refusal = undefined;
    await pass(6000);
    expect(seen).toMatchObject({ table: SCRIPT, repairs: 0, troubles: ['NFT_MISSING', 'none'] });
  });

  it('of an earlier run stays until it is known what is wanted, and goes where none is', async () => {
    const { table, seen } = start();
    seen.table = 'old';
    await pass(20_000);
    expect(seen.table).toBe('old');
    table.set(undefined);
    await pass();
    expect(seen.table).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is known to be there from an earlier run, if that can be known', async () => {
    const { table, seen } = start();
    expect(await table.isThere()).toBe(false);
    seen.table = 'old';
    expect(await table.isThere()).toBe(true);
    seen.refusal = new NftablesError('NFT_REFUSED', 'may not');
    expect(await table.isThere()).toBe(false);
  });

  it('that is not wanted is no trouble where it is not there, and where there is no command', async () => {
    for (const refusal of [undefined, new NftablesError('NFT_MISSING', 'no nft')]) {
      const { table, seen } = start();
      seen.refusal = refusal;
      table.set(undefined);
      await pass(20_000);
      expect(seen.troubles).toEqual([]);
    }
  });

  it.each([
    ['stays over a restart', true, SCRIPT],
    ['goes for good', false, undefined],
  ])('%s', async (_what, keep, left) => {
    const { table, seen } = start();
    table.set('A');
    await pass();
    await table.stop({ keep });
    expect(seen.table).toBe(left);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('of an earlier run goes for good, too', async () => {
    const { table, seen } = start();
    seen.table = 'old';
    await table.stop({ keep: false });
    expect(seen).toMatchObject({ table: undefined, troubles: [] });
  });
});

describe('the nft command', () => {
  beforeEach(() => void vi.useRealTimers());

  it('gives its output, and gets its input', async () => {
    expect(await runNft(['-c', 'cat; echo; echo "$0"', 'word'], 'text', 'sh')).toBe('text\nword\n');
  });

  it.each([
    ['no-such-nft', [], 'NFT_MISSING', 'the nft command is not installed (package nftables)'],
    [
      'sh',
      ['-c', 'echo "/dev/stdin:3:1-5: Error: Could not process rule: Operation not supported" >&2; exit 1'],
      'NFT_REFUSED',
      'nft: Could not process rule: Operation not supported',
    ],
    [
      'sh',
      ['-c', 'echo "Error: No such file or directory; did you mean table ‘x’ in family inet?" >&2; exit 1'],
      'NFT_ABSENT',
      'nft: No such file or directory; did you mean table ‘x’ in family inet?',
    ],
    [
      'sh',
      [
        '-c',
        'echo "<cmdline>:1:24-26: Error: syntax error\nadd table inet t; add rule inet t c nonsense; delete x" >&2; exit 1',
      ],
      'NFT_REFUSED',
      'nft: syntax error: add rule inet t c nonsense',
    ],
    ['sh', ['-c', 'exit 3'], 'NFT_REFUSED', 'nft: Command failed: sh -c exit 3'],
    // Node throws this one, as it does where there is no memory.
    ['sh', ['x'.repeat(1 << 20)], 'NFT_REFUSED', 'spawn E2BIG'],
  ])('says what is in the way: %s %j', async (program, argv, code, message) => {
    const error = await runNft(argv, '', program).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NftablesError);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
  });
});
