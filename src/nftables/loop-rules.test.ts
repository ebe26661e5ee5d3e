import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../net/prefix.ts';
import { loopRules } from './loop-rules.ts';

function rules(action: 'Drop' | 'Reject', ranges: readonly string[], served: readonly string[] = []) {
  return loopRules({ action, ranges: ranges.map(parsePrefix), served: served.map(parsePrefix) });
}

describe('rules against loops', () => {
  it('drop packets to services that come from elsewhere and were not translated', () => {
    expect(rules('Drop', ['10.96.0.0/12'])).toBe(
      [
        '\tset services4 {',
        '\t\ttype ipv4_addr; flags interval;',
        '\t\telements = { 10.96.0.0/12 }',
        '\t}',
        '\tchain forward {',
        '\t\ttype filter hook forward priority 10; policy accept;',
        '\t\tct state established,related accept',
        '\t\tip daddr @services4 counter drop',
        '\t}',
        '',
      ].join('\n'),
    );
  });

  it('refuse them where that is asked for, and know both families', () => {
    const text = rules('Reject', ['fd00:96::/112', '203.0.113.7/32']);
    expect(text).toContain('\tset services4_single {\n\t\ttype ipv4_addr;\n\t\telements = { 203.0.113.7 }');
    expect(text).toContain('\t\tip daddr @services4_single counter reject\n');
    expect(text).toContain('type ipv6_addr; flags interval;\n\t\telements = { fd00:96::/112 }');
    expect(text).toContain('\t\tip6 daddr @services6 counter reject\n');
  });

  it.each([
    [['10.0.0.0/24', '10.0.0.7/32', '10.0.0.0/24'], '10.0.0.0/24'],
    [['10.0.0.128/25', '10.0.0.0/24', '10.0.1.0/24'], '10.0.0.0/24, 10.0.1.0/24'],
    [['10.0.0.1/32', '9.0.0.0/8', '10.0.0.0/32'], '10.0.0.0, 10.0.0.1'],
    [['fd00::1/128', 'fd00::/64'], 'fd00::/64'],
  ])('name no prefix within another, as sets refuse them: %j', (ranges, elements) => {
    expect(rules('Drop', ranges)).toContain(`elements = { ${elements} }\n`);
  });

  it('leave what has a route of its own', () => {
    const text = rules('Drop', ['10.0.0.0/16', 'fd00::/64'], ['10.0.5.0/24', '10.0.5.1/32', '10.0.6.1/32']);
    expect(text).toContain('set served4 {\n\t\ttype ipv4_addr; flags interval;\n\t\telements = { 10.0.5.0/24 }');
    expect(text).toContain('set served4_single {\n\t\ttype ipv4_addr;\n\t\telements = { 10.0.6.1 }');
    expect(text?.split('\n').filter((line) => line.includes('daddr'))).toEqual([
      '\t\tip daddr @served4 accept',
      '\t\tip daddr @served4_single accept',
      '\t\tip daddr @services4 counter drop',
      '\t\tip6 daddr @services6 counter drop',
    ]);
  });

  it('are none without a range', () => {
    expect(rules('Drop', [])).toBeUndefined();
  });
});
