import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefixFromBytes } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import { FRA_TABLE, FR_ACT_TO_TBL, RTM_NEWRULE } from './constants.ts';
import { AttributeReader, MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import { formatRule, readRule, writeRule } from './rules.ts';
import type { KernelRule } from './rules.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });

function prefixes(family: 0 | 1): fc.Arbitrary<Prefix> {
  const size = family === 0 ? 4 : 16;
  return fc
    .tuple(fc.uint8Array({ minLength: size, maxLength: size }), fc.nat(8 * size))
    .map(([bytes, length]) => prefixFromBytes(family, bytes, length));
}

const rules: fc.Arbitrary<KernelRule> = fc.constantFrom(0 as const, 1 as const).chain((family) =>
  fc.record({
    family: fc.constant(family),
    priority: u32,
    table: fc.integer({ min: 1, max: 0xffffffff }),
    protocol: fc.nat(255),
    from: prefixes(family),
    to: prefixes(family),
    incomingInterface: fc.constantFrom('', 'eth0', 'lo'),
    fwmark: u32,
    fwmask: fc.integer({ min: 1, max: 0xffffffff }),
    special: fc.constant(false),
  }),
);

function read(writer: MessageWriter): KernelRule {
  const reader = new MessageReader();
  reader.reset(writer.bytes, writer.length);
  expect(reader.next()).toBe(true);
  return readRule(reader, new AttributeReader());
}

describe('policy rules', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(rules, (rule) => {
        const writer = new MessageWriter(16);
        writer.begin(RTM_NEWRULE, 0);
        writeRule(writer, rule);
        expect(read(writer)).toEqual(rule);
      }),
      { numRuns: 100 },
    );
  });

  it('are written as ip-rule(8) has them', () => {
    const all = prefixFromBytes(0, new Uint8Array(4), 0);
    const rule = { family: 0, priority: 7, table: 99, protocol: 12, from: all, to: all, special: false } as const;
    expect(formatRule({ ...rule, incomingInterface: '', fwmark: 0, fwmask: 0 })).toBe(
      'IPv4 rule 7: from all lookup 99',
    );
    expect(formatRule({ ...rule, incomingInterface: 'eth0', fwmark: 16, fwmask: 255 })).toBe(
      'IPv4 rule 7: from all fwmark 0x10/0xff iif eth0 lookup 99',
    );
  });

  // linux/fib_rules.h: FRA_OIFNAME, FRA_SUPPRESS_PREFIXLEN, FRA_UID_RANGE.
  it.each([
    [14, 0xffffffff, false],
    [14, 0, true],
    [17, 0x00306f6c, true],
    [20, 0, true],
  ])('with attribute %i of %i are special: %s', (type, value, special) => {
    const writer = new MessageWriter();
    writer.begin(RTM_NEWRULE, 0);
    writer.fibRuleHdr(2, 0, 0, 0, FR_ACT_TO_TBL);
    writer.attributeU32(FRA_TABLE, 5000);
    writer.attributeU32(type, value);
    writer.end();
    expect(read(writer)).toMatchObject({ table: 5000, special });
  });
});
