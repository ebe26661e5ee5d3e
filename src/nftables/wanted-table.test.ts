import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../test/support/nft-interpreter.ts';
import { callArbitrary, callOn } from '../../test/support/nft-writer-calls.ts';
import { WantedTable } from './wanted-table.ts';

const SET = { kind: 'set', body: 'type ipv4_addr;' } as const;
const MAP = { kind: 'map', body: 'type ifname : verdict;' } as const;

/** A table that the kernel has. */
function start() {
  const wanted = new WantedTable('t');
  const kernel = new Interpreter('t');
  kernel.run([...wanted.everything()].join(''));
  const commit = () => {
    const text = [...wanted.difference()].join('');
    kernel.run(text);
    return text.replaceAll(' inet t ', ' ').trimEnd().split('\n');
  };
  return { wanted, kernel, commit };
}

describe('a wanted table', () => {
  it('is told in an order in which every name is there when it is used', () => {
    const { wanted, commit } = start();
    wanted.declareChain('a', { rules: ['ip saddr @s jump b'] });
    wanted.declareChain('b', { rules: ['accept'], comment: 'the "second"' });
    wanted.declareChain('f', { base: 'type filter hook forward priority 0; policy drop;', rules: ['iifname vmap @m'] });
    wanted.declareSet('m', MAP);
    wanted.addElement('m', '"cali1"', 'goto a');
    wanted.declareSet('s', SET);
    wanted.addElement('s', '10.0.0.1');
    expect(commit()).toEqual([
      'add map m { type ifname : verdict; }',
      'add set s { type ipv4_addr; }',
      'add set s { type ipv4_addr; elements = { 10.0.0.1 }; }',
      'add chain a',
      `add chain b { comment "the 'second'"; }`,
      'add chain f { type filter hook forward priority 0; policy drop; }',
      'add rule a ip saddr @s jump b',
      'add rule b accept',
      'add rule f iifname vmap @m',
      'add map m { type ifname : verdict; elements = { "cali1" : goto a }; }',
    ]);
  });

  it('is made anew, where no packet may be lost, with the base chains of an earlier one deleted first', () => {
    const { wanted } = start();
    wanted.declareChain('a', { rules: ['accept'] });
    wanted.declareChain('f', { base: 'type filter hook forward priority 0; policy drop;', rules: ['accept'] });
    const first = (smoothly: boolean) => [...wanted.everything(smoothly)].join('').split('\n').slice(0, 4);
    expect(first(true)).toEqual([
      'add table inet t',
      'add chain inet t f',
      'delete chain inet t f',
      'delete table inet t',
    ]);
    expect(first(false).slice(0, 3)).toEqual(['add table inet t', 'delete table inet t', 'add table inet t']);
  });

  it('is without what nft does not take, which lets nothing pass, and tells it again where it is another', () => {
    const { wanted, kernel, commit } = start();
    wanted.declareSet('s', SET);
    wanted.addElement('s', '10.0.0.1');
    wanted.declareSet('u', SET);
    wanted.declareChain('a', { rules: ['ip saddr @s accept'], comment: 'policy a' });
    wanted.declareChain('b', { rules: ['queue num 1', 'accept'] });
    wanted.declareChain('c', { rules: ['ip saddr @u accept', 'jump b'] });
    wanted.declareChain('n', {
      base: 'type nat hook postrouting priority 110;',
      optional: true,
      rules: ['masquerade'],
    });
    const refused = (statement: string) => ({ statement, reason: 'no such thing' });
    const add = (what: string) => wanted.refuse([refused(`add ${what}`)]);
    expect(add('set inet t s { type ipv4_addr; elements = { 10.0.0.1 }; }')).toBe(true);
    expect(add('rule inet t b queue num 1')).toBe(true);
    expect(add('chain inet t n { type nat hook postrouting priority 110; }')).toBe(true);
    // What nft says of something else, or again, does not make the table smaller without end.
    for (const what of ['set inet t s', 'rule inet t b drop', 'table inet t']) expect(add(what)).toBe(false);
    expect(wanted.refused).toEqual([
      'set s is not there: no such thing',
      'policy a (chain a) lets nothing pass: it names a set that is not there',
      'chain b lets nothing pass: no such thing',
      'chain n is left out: no such thing',
    ]);
    const text = [...wanted.everything()].join('');
    kernel.run(text);
    const closed = 'drop comment "nft does not take what is wanted here"';
    expect(text.replaceAll(' inet t ', ' ').trimEnd().split('\n').slice(3)).toEqual([
      'add set u { type ipv4_addr; }',
      'add chain a { comment "policy a"; }',
      'add chain b',
      'add chain c',
      `add rule a ${closed}`,
      `add rule b ${closed}`,
      'add rule c ip saddr @u accept',
      'add rule c jump b',
    ]);
    wanted.addElement('u', '10.0.0.2');
    expect(commit()).toEqual(['add set u { type ipv4_addr; elements = { 10.0.0.2 }; }']);
    wanted.declareChain('b', { rules: ['accept'] });
    wanted.addElement('s', '10.0.0.3');
    expect(commit()).toEqual([
      'flush chain b',
      'flush chain a',
      'add set s { type ipv4_addr; }',
      'add set s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.3 }; }',
      'add rule b accept',
      'add rule a ip saddr @s accept',
    ]);
    expect(wanted.refused).toEqual(['chain n is left out: no such thing']);
  });

  it('tells what is different, and nothing where it is as it was again', () => {
    const { wanted, commit } = start();
    wanted.declareSet('s', SET);
    for (const element of ['10.0.0.1', '10.0.0.2']) wanted.addElement('s', element);
    wanted.declareChain('a', { rules: ['accept'] });
    commit();
    wanted.removeElement('s', '10.0.0.1');
    wanted.addElement('s', '10.0.0.3');
    wanted.removeElement('s', '10.0.0.3');
    wanted.declareChain('a', { rules: ['drop'] });
    wanted.declareChain('a', { rules: ['drop', 'accept'] });
    expect(commit()).toEqual([
      'delete element s { 10.0.0.1 }',
      'flush chain a',
      'add rule a drop',
      'add rule a accept',
    ]);
    wanted.declareChain('a', undefined);
    wanted.declareChain('a', { rules: ['drop', 'accept'] });
    wanted.removeElement('s', '10.0.0.2');
    wanted.addElement('s', '10.0.0.2');
    wanted.declareSet('s', SET);
    expect(commit()).toEqual(['']);
  });

  it('writes again what names a set or chain that is made again', () => {
    const { wanted, commit } = start();
    wanted.declareSet('s', SET);
    wanted.declareSet('m', MAP);
    wanted.declareChain('c', { rules: ['accept'], comment: 'one' });
    wanted.declareChain('u', { rules: ['ip saddr @s drop', 'jump c'] });
    wanted.addElement('m', 'a', 'goto c');
    wanted.addElement('m', 'b', 'goto u');
    commit();
    wanted.declareSet('s', { kind: 'set', body: 'type ipv4_addr; flags interval;' });
    wanted.declareChain('c', { rules: ['accept'], comment: 'two' });
    expect(commit()).toEqual([
      'delete element m { a }',
      'flush chain u',
      'flush chain c',
      'delete set s',
      'delete chain c',
      'add set s { type ipv4_addr; flags interval; }',
      'add chain c { comment "two"; }',
      'add rule c accept',
      'add rule u ip saddr @s drop',
      'add rule u jump c',
      'add map m { type ifname : verdict; elements = { a : goto c }; }',
    ]);
  });

  it('empties and fills small sets where that is asked for', () => {
    const { wanted, kernel, commit } = start();
    wanted.declareSet('s', SET);
    for (const element of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) wanted.addElement('s', element);
    commit();
    wanted.addElement('s', '10.0.0.4');
    wanted.removeElement('s', '10.0.0.1');
    const text = [...wanted.difference(3)].join('');
    kernel.run(text);
    expect(text.replaceAll(' inet t ', ' ').split('\n')).toEqual([
      'flush set s',
      'add set s { type ipv4_addr; elements = { 10.0.0.2, 10.0.0.3, 10.0.0.4 }; }',
      '',
    ]);
    wanted.addElement('s', '10.0.0.5');
    expect(commit()).toEqual(['add set s { type ipv4_addr; elements = { 10.0.0.5 }; }']);
  });

  it('tells many elements in several statements', () => {
    const { wanted, commit } = start();
    wanted.declareSet('s', SET);
    for (let i = 0; i < 2500; i++) wanted.addElement('s', `10.0.${i >> 8}.${i & 255}`);
    expect(commit()).toHaveLength(4);
    expect(wanted.counts).toEqual({ sets: 1, chains: 0, elements: 2500 });
  });

  it('takes what is told while it is read as told after it', () => {
    const { wanted, kernel, commit } = start();
    wanted.declareSet('s', SET);
    wanted.addElement('s', '10.0.0.1');
    const reading = wanted.difference();
    let text = reading.next().value as string;
    wanted.addElement('s', '10.0.0.2');
    wanted.removeElement('s', '10.0.0.1');
    for (const piece of reading) text += piece;
    kernel.run(text);
    expect([...kernel.contents().sets['s'].elements]).toEqual([['10.0.0.1', '']]);
    expect(commit()).toEqual([
      'delete element s { 10.0.0.1 }',
      'add set s { type ipv4_addr; elements = { 10.0.0.2 }; }',
    ]);
  });

  it('refuses an element of a set that nobody declared', () => {
    expect(() => start().wanted.addElement('s', '10.0.0.1')).toThrow('element 10.0.0.1 of set s');
  });

  it('cuts comments to what the kernel takes', () => {
    const { wanted, commit } = start();
    wanted.declareChain('a', { rules: [], comment: `a\n\\"${'ü'.repeat(100)}` });
    const [, comment] = /comment "(.*)"/.exec(commit()[0]) ?? [];
    expect(Buffer.byteLength(comment)).toBeLessThanOrEqual(127);
    expect(comment).toMatch(/^a '(ü){60,}$/);
  });
});

describe('a wanted table, whatever is told and wherever transactions fail', () => {
  it('is what the kernel has in the end', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: callArbitrary },
      { weight: 1, arbitrary: fc.constantFrom('commit', 'fail') },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(3), (steps, rewritten) => {
        const wanted = new WantedTable('t');
        const direct = new WantedTable('t');
        const kernel = new Interpreter('t');
        let isKnown = false;
        for (const next of [...steps, 'commit' as const]) {
          if (typeof next !== 'string') {
            callOn(wanted, next);
            callOn(direct, next);
            continue;
          }
          const text = [...(isKnown ? wanted.difference(rewritten) : wanted.everything())].join('');
          isKnown = next === 'commit';
          if (isKnown) kernel.run(text);
        }
        const expected = new Interpreter('t');
        expected.run([...direct.everything()].join(''));
        expect(kernel.contents()).toEqual(expected.contents());
      }),
      { numRuns: 300 },
    );
  });
});
