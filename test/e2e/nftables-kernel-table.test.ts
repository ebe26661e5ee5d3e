/** A table of nftables that is kept as wanted, against the kernel: in a network namespace of this file's own. */
import { execFile, execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { KernelTable } from '../../src/nftables/kernel-table.ts';
import type { AppliedFigures } from '../../src/nftables/kernel-table.ts';
import type { NftablesError } from '../../src/nftables/nft.ts';
import { TableWatch } from '../../src/nftables/table-watch.ts';
import type { TableWriter } from '../../src/nftables/table-writer.ts';
import { WantedTable } from '../../src/nftables/wanted-table.ts';
import { nft, nftChildren, nftTable } from '../support/nft-kernel.ts';
import { callArbitrary, callOn } from '../support/nft-writer-calls.ts';
import { enterNetworkNamespace } from '../support/own-network-namespace.ts';
import { missingHere } from '../support/skip.ts';
import { waitFor } from '../support/wait-for.ts';

const missing = missingHere({ root: true, programs: ['nft', 'ip'] });
const path = process.env['PATH'];
const folder = process.env['TMPDIR'];
let namespace: Disposable | undefined;
let table: KernelTable;
let troubles: (NftablesError | undefined)[];
let repairs: string[];
let refused: (readonly string[])[];
let applied: AppliedFigures[];

function fill(): void {
  fillAs(table.writer);
}

function fillAs(writer: TableWriter): void {
  writer.declareSet('s', { kind: 'set', body: 'type ipv4_addr;' });
  writer.declareSet('nets', { kind: 'set', body: 'type ipv4_addr . inet_proto; flags interval;' });
  writer.declareSet('m', { kind: 'map', body: 'type ifname : verdict;' });
  writer.declareChain('judge', {
    rules: ['ip saddr @s accept', 'ip saddr . meta l4proto @nets drop'],
    comment: 'a "policy"',
  });
  writer.declareChain('forward', {
    base: 'type filter hook forward priority filter; policy accept;',
    rules: ['ip daddr != 10.0.0.0/8 log prefix "tier!x " drop', 'iifname vmap @m'],
  });
  for (let i = 1; i < 100; i++) writer.addElement('s', `10.0.0.${i}`);
  writer.addElement('nets', '10.2.0.0/16 . 0-255');
  writer.addElement('m', '"cali1"', 'goto judge');
}

beforeAll(() => {
  if (missing === undefined) namespace = enterNetworkNamespace();
});
afterAll(() => namespace?.[Symbol.dispose]());

describe.skipIf(missing !== undefined)(`a table in the kernel${missing === undefined ? '' : ` (${missing})`}`, () => {
  beforeEach(() => {
    troubles = [];
    repairs = [];
    refused = [];
    applied = [];
    table = new KernelTable({
      name: 't',
      repaired: (words) => repairs.push(words),
      troubled: (error) => troubles.push(error),
      refused: (words) => refused.push(words),
      applied: (figures) => applied.push(figures),
    });
  });
  afterEach(async () => {
    process.env['PATH'] = path;
    if (folder === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = folder;
    await table.stop({ keep: false });
    expect(nftChildren()).toEqual([]);
    nft('flush', 'ruleset');
  });

  it('takes the place of that of an earlier run, is left alone beside others, and stays or goes', async () => {
    nft('add table inet t; add chain inet t old; add table inet other; add chain inet other c');
    fill();
    expect(nft('list', 'table', 'inet', 't')).toContain('old');
    await table.commit();
    expect(nft('list', 'table', 'inet', 't')).not.toContain('old');
    nft('add rule inet other c accept; delete table inet other');
    table.writer.addElement('s', '10.1.1.1');
    await table.commit();
    expect(table.counters).toEqual({ transactions: 2, rebuilds: 1, repairs: 0, failures: 0 });
    await table.stop({ keep: true });
    expect(nft('list', 'tables')).toBe('table inet t\n');
    await table.stop({ keep: false });
    expect(nft('list', 'tables')).toBe('');
  });

  it('is what was told, whatever that was', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(callArbitrary, callArbitrary, fc.constant('commit')), { maxLength: 40 }),
        async (steps) => {
          const direct = new WantedTable('direct');
          for (const step of [...steps, 'commit']) {
            if (typeof step === 'string') await table.commit();
            else for (const writer of [table.writer, direct]) callOn(writer, step);
          }
          execFileSync('nft', ['-f', '-'], { input: [...direct.everything()].join('') });
          expect(nftTable('t')).toEqual(nftTable('direct'));
          await table.stop({ keep: false });
          table = new KernelTable({
            name: 't',
            repaired: (words) => repairs.push(words),
            troubled: (error) => troubles.push(error),
          });
        },
      ),
      { numRuns: 8 },
    );
    expect([repairs, troubles]).toEqual([[], []]);
  });

  it.each([
    ['all tables were removed', 'flush ruleset'],
    ['it was removed', 'delete table inet t'],
    ['a chain was emptied', 'flush chain inet t judge'],
    ['an element was deleted', 'delete element inet t s { 10.0.0.1 }'],
    ['a rule was added', 'insert rule inet t forward accept'],
    [
      'another took its place',
      'delete table inet t; add table inet t; add set inet t s { type ipv6_addr; }; add chain inet t judge',
    ],
  ])('is repaired within a second where %s', async (_what, command) => {
    fill();
    await table.commit();
    const before = nftTable('t');
    nft(command);
    const since = performance.now();
    await waitFor(() => repairs.length === 1, { what: 'the table' });
    expect(performance.now() - since).toBeLessThan(1000);
    expect(nftTable('t')).toEqual(before);
    expect(repairs).toEqual(['table inet t was changed by nft']);
    expect(troubles).toEqual([]);
  });

  it('is repaired where it was removed while it was written', async () => {
    fill();
    await table.commit();
    for (let i = 0; i < 30_000; i++) table.writer.addElement('s', `10.9.${i >> 8}.${i & 255}`);
    const written = table.commit();
    let writes = 0;
    const { failures, transactions } = table.counters;
    while (writes === 0) {
      await promisify(execFile)('nft', ['flush', 'ruleset']);
      writes = table.counters.transactions - transactions + table.counters.failures - failures;
    }
    await written;
    await waitFor(() => repairs.length > 0 && nft('list', 'tables') === 'table inet t\n', { what: 'the table' });
    expect(nftTable('t').join('\n')).toContain('10.9.117.47');
  });

  it('is watched on after more changes of other tables than can be followed', async () => {
    const heard: string[] = [];
    const watch = new TableWatch({
      table: 'watched',
      changed: (by) => heard.push(`changed by ${by}`),
      // What comes at this very moment is not lost any more.
      lost: () => {
        heard.push('lost');
        nft('add', 'table', 'inet', 'watched');
      },
    });
    const elements = Array.from({ length: 30_000 }, (_, i) => `10.0.${i >> 8}.${i & 255} comment "${'x'.repeat(120)}"`);
    const filled = `add element ip other s { ${elements.join(', ')} }\nflush set ip other s\n`;
    nft('add table ip other; add set ip other s { type ipv4_addr; }');
    execFileSync('nft', ['-f', '-'], { input: filled.repeat(4) });
    try {
      await waitFor(() => heard.length === 2, { what: 'the change while some were lost' });
      nft('flush', 'ruleset');
      await waitFor(() => heard.length === 3, { what: 'the change after some were lost' });
      expect(heard).toEqual(['lost', 'changed by nft', 'changed by nft']);
    } finally {
      watch.close();
    }
  });

  it('is told of single elements also after nft had to wait for a processor', async () => {
    fill();
    for (let i = 0; i < 1000; i++) table.writer.addElement('s', `10.8.${i >> 8}.${i & 255}`);
    await table.commit();
    const [child] = nftChildren();
    process.kill(child, 'SIGSTOP');
    table.writer.removeElement('s', '10.8.0.1');
    const written = table.commit();
    // As long as on a machine that is busy with something else.
    await sleep(400);
    process.kill(child, 'SIGCONT');
    await written;
    expect(applied.at(-1)!.milliseconds).toBeGreaterThan(300);
    table.writer.removeElement('s', '10.8.0.2');
    await table.commit();
    expect(applied.at(-1)!.bytes).toBeLessThan(100);
  });

  it('is written on where the child is killed, and by it alone', async () => {
    fill();
    await table.commit();
    const [child] = nftChildren();
    process.kill(child, 'SIGKILL');
    table.writer.addElement('s', '10.7.0.1');
    await table.commit();
    // More than a child is used for, so that another one takes over on the way.
    for (let i = 0; i < 2200; i++) {
      table.writer.addElement('s', `10.8.${i >> 8}.${i & 255}`);
      if (i % 1000 === 500) process.kill(nftChildren()[0], 'SIGKILL');
      await table.commit();
    }
    expect(nftTable('t').join('\n')).toContain('10.8.8.151');
    expect([repairs, troubles]).toEqual([[], []]);
  });

  it('is written once there is an nft, and says so', async () => {
    process.env['PATH'] = '/nonexistent';
    fill();
    const written = table.commit();
    await waitFor(() => troubles.length === 1, { what: 'the table' });
    expect(troubles[0]).toMatchObject({ code: 'NFT_MISSING' });
    process.env['PATH'] = path;
    await written;
    expect(troubles).toHaveLength(2);
    expect(troubles[1]).toBeUndefined();
  });

  it('needs no file', async () => {
    process.env['TMPDIR'] = '/nonexistent';
    fill();
    await table.commit();
    for (let i = 0; i < 1000; i++) {
      table.writer.addElement('s', `10.8.${i >> 8}.${i & 255}`);
      if (i % 100 === 0) await table.commit();
    }
    await table.commit();
    expect(nftTable('t').join('\n')).toContain('10.8.3.231');
    expect([repairs, troubles]).toEqual([[], []]);
  });

  it('has all but what is refused, which lets nothing pass, and that as well once it is another', async () => {
    fill();
    const { writer } = table;
    for (let i = 0; i < 200; i++) writer.declareChain(`c${i}`, { rules: ['tcp dport 80 accept'] });
    await table.commit();
    // What nft does not understand, what it finds wrong, and what only the kernel finds wrong.
    writer.declareChain('words', { comment: 'policy "x"', rules: ['no such words'] });
    for (let i = 0; i < 30; i++) writer.declareChain(`set${i}`, { rules: ['ip saddr @nowhere accept'] });
    writer.declareChain('target', { rules: ['goto nowhere'] });
    writer.declareChain('address', { base: 'type nat hook forward priority 0;', optional: true, rules: ['accept'] });
    writer.addElement('nets', '10.2.0.0/17 . 0-255');
    writer.addElement('s', '10.9.9.9');
    await table.commit();
    expect(troubles).toEqual([]);
    expect(refused).toHaveLength(1);
    const [words] = refused;
    expect(words).toHaveLength(35);
    expect(words[0]).toBe('set nets is not there: Could not process rule: File exists');
    expect(words[1]).toBe('a "policy" (chain judge) lets nothing pass: it names a set that is not there');
    expect(words[2]).toMatch(/^policy "x" \(chain words\) lets nothing pass: syntax error/);
    expect(words.at(-2)).toBe('chain target lets nothing pass: Could not process rule: No such file or directory');
    expect(words.at(-1)).toMatch(/^chain address is left out: /);
    const text = nft('list', 'table', 'inet', 't');
    expect(text).toContain('10.9.9.9');
    expect(text.match(/drop comment "nft does not take what is wanted here"/g)).toHaveLength(33);
    // As any table, it is repaired.
    nft('flush', 'ruleset');
    await waitFor(() => repairs.length === 1, { what: 'the table' });
    expect(nft('list', 'table', 'inet', 't')).toBe(text);
    writer.removeElement('nets', '10.2.0.0/17 . 0-255');
    for (let i = 0; i < 30; i++) writer.declareChain(`set${i}`, { rules: ['ip saddr @s accept'] });
    for (const name of ['words', 'target', 'address']) writer.declareChain(name, undefined);
    await table.commit();
    expect(refused.slice(1)).toEqual([[]]);
    const direct = new WantedTable('direct');
    fillAs(direct);
    for (let i = 0; i < 200; i++) direct.declareChain(`c${i}`, { rules: ['tcp dport 80 accept'] });
    for (let i = 0; i < 30; i++) direct.declareChain(`set${i}`, { rules: ['ip saddr @s accept'] });
    direct.addElement('s', '10.9.9.9');
    execFileSync('nft', ['-f', '-'], { input: [...direct.everything()].join('') });
    expect(nftTable('t')).toEqual(nftTable('direct'));
    nft('delete', 'table', 'inet', 'direct');
    expect(troubles).toEqual([]);
  });

  it('has what was refused once there is no reason for that any more, by itself', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      fill();
      table.writer.declareChain('later', { rules: ['iif "later0" accept'] });
      await table.commit();
      expect(refused).toEqual([['chain later lets nothing pass: Interface does not exist']]);
      execFileSync('ip', ['link', 'add', 'later0', 'type', 'veth']);
      vi.advanceTimersByTime(5 * 60_000);
      await waitFor(() => refused.length === 2, { what: 'the chain' });
      expect(refused[1]).toEqual([]);
      expect(nft('list', 'chain', 'inet', 't', 'later')).toContain('iif "later0" accept');
      expect([troubles, repairs]).toEqual([[], []]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('stays as it is where something is refused, and is tried at once when something else is wanted', async () => {
    fill();
    await table.commit();
    const before = nftTable('t');
    // Without its rules more might pass.
    const base = 'type filter hook forward priority filter; policy accept;';
    table.writer.declareChain('new', { base, rules: ['ip saddr @nowhere drop'] });
    const written = table.commit();
    await waitFor(() => troubles.length === 1, { what: 'the table' });
    expect(troubles[0]).toMatchObject({
      code: 'NFT_ABSENT',
      message: 'nft: No such file or directory: add rule inet t new ip saddr @nowhere drop',
    });
    expect(nftTable('t')).toEqual(before);
    const { failures } = table.counters;
    expect(failures).toBeLessThanOrEqual(3);
    table.writer.declareChain('new', { base, rules: ['ip saddr @s drop'] });
    await table.commit();
    await written;
    expect(troubles).toHaveLength(2);
    expect(nftTable('t').join('\n')).toContain('new');
  });
});
