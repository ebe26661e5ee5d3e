/** Random calls of a TableWriter about a few sets and chains that name one another, for property tests. */
import fc from 'fast-check';
import type { TableWriter } from '../../src/nftables/table-writer.ts';

const SETS = ['s0', 's1'];
const MAPS = ['m0', 'm1'];
const CHAINS = ['c0', 'c1', 'c2', 'c3'];
const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
const INTERFACES = ['"cali1"', '"cali2"', '"cali3"'];

/** What is told; the world of {@link callOn} sees to it that nothing names what is not there. */
export interface WriterCall {
  readonly set?: { readonly name: string; readonly body: string | undefined };
  readonly element?: { readonly set: string; readonly element: string; readonly value: string | undefined };
  readonly chain?: {
    readonly name: string;
    readonly comment: string | undefined;
    readonly rules: readonly number[] | undefined;
  };
}

const setArbitrary = fc.record({
  name: fc.constantFrom(...SETS, ...MAPS),
  body: fc.constantFrom('', 'size 1000;', undefined),
});
const elementArbitrary = fc.oneof(
  fc.record({
    set: fc.constantFrom(...SETS),
    element: fc.constantFrom(...ADDRESSES),
    value: fc.constantFrom('', undefined),
  }),
  fc.record({
    set: fc.constantFrom(...MAPS),
    element: fc.constantFrom(...INTERFACES),
    value: fc.constantFrom('goto c0', 'goto c1', 'drop', undefined),
  }),
);
const chainArbitrary = fc.record({
  name: fc.constantFrom(...CHAINS),
  comment: fc.constantFrom(undefined, 'one', 'two'),
  rules: fc.option(fc.array(fc.nat(4), { maxLength: 3 }), { nil: undefined }),
});

/** A call. */
export const callArbitrary: fc.Arbitrary<WriterCall> = fc.oneof(
  setArbitrary.map((set) => ({ set })),
  elementArbitrary.map((element) => ({ element })),
  elementArbitrary.map((element) => ({ element })),
  chainArbitrary.map((chain) => ({ chain })),
);

/** What there is, by writer: of sets, whether they are declared; of chains, their rules. */
const worlds = new WeakMap<TableWriter, { sets: Set<string>; chains: Set<string> }>();

/** Makes the call, with what it needs declared before, and with what would name something that goes changed before. */
export function callOn(writer: TableWriter, { set, element, chain }: WriterCall): void {
  const world = worlds.get(writer) ?? { sets: new Set<string>(), chains: new Set<string>() };
  worlds.set(writer, world);
  const declare = (name: string, more = '') => {
    world.sets.add(name);
    const isMap = MAPS.includes(name);
    const body = `${isMap ? 'type ifname : verdict;' : 'type ipv4_addr;'}${more === '' ? '' : ` ${more}`}`;
    writer.declareSet(name, { kind: isMap ? 'map' : 'set', body });
  };
  if (set !== undefined) {
    // The base chain names all sets, so that none goes but to come back.
    if (set.body === undefined) writer.declareSet(set.name, undefined);
    declare(set.name, set.body ?? '');
  }
  if (element !== undefined) {
    if (!world.sets.has(element.set)) declare(element.set);
    const [target] = element.value?.match(/c\d/) ?? [];
    if (target !== undefined && !world.chains.has(target))
      callOn(writer, { chain: { name: target, comment: undefined, rules: [] } });
    if (element.value === undefined) writer.removeElement(element.set, element.element);
    else writer.addElement(element.set, element.element, element.value);
  }
  if (chain !== undefined) declareChain(writer, world, chain, declare);
}

function declareChain(
  writer: TableWriter,
  world: { sets: Set<string>; chains: Set<string> },
  { name, comment, rules }: NonNullable<WriterCall['chain']>,
  declare: (name: string) => void,
): void {
  const isTarget = name === 'c0' || name === 'c1';
  // c0 and c1 are named by others, which do not ask whether they are there.
  if (rules === undefined && !isTarget) return writer.declareChain(name, undefined);
  for (const needed of [...SETS, ...MAPS]) if (!world.sets.has(needed)) declare(needed);
  if (!isTarget) {
    for (const target of ['c0', 'c1']) {
      if (!world.chains.has(target)) callOn(writer, { chain: { name: target, comment: undefined, rules: [] } });
    }
  }
  world.chains.add(name);
  const texts = [
    'accept',
    'ip saddr @s0 drop',
    'ip daddr @s1 accept',
    ...(isTarget ? ['drop', 'counter'] : ['jump c0', 'iifname vmap @m0']),
  ];
  const base = name === 'c3' ? { base: 'type filter hook forward priority 0; policy accept;' } : {};
  writer.declareChain(name, {
    ...base,
    ...(comment === undefined ? {} : { comment }),
    rules: (rules ?? []).map((rule) => texts[rule]),
  });
}
