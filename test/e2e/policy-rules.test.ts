/** Policy rules with the real kernel; `ip rule` is asked what it has. */
import { execFileSync } from 'node:child_process';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadLibc } from '../../src/fib/netlink/libc.ts';
import { NetlinkClient } from '../../src/fib/netlink/netlink-client.ts';
import { NetlinkSocket } from '../../src/fib/netlink/netlink-socket.ts';
import { NetworkNamespace } from '../../src/fib/netlink/network-namespace.ts';
import { PolicyRules } from '../../src/fib/policy-rules.ts';
import { requireOrSkip } from '../support/skip.ts';

beforeEach((ctx) => requireOrSkip(ctx, { root: true, programs: ['ip'] }));

/** A namespace whose rules are kept. */
class RuleNode implements Disposable {
  readonly rules: PolicyRules;
  private readonly namespace: NetworkNamespace;
  private readonly socket: NetlinkSocket;

  constructor(table = 5000) {
    const libc = loadLibc();
    this.namespace = new NetworkNamespace(libc);
    this.socket = this.namespace.run(() => new NetlinkSocket(libc));
    this.rules = new PolicyRules(new NetlinkClient(this.socket), { table, protocol: 12 });
  }

  ip(words: string): string {
    return this.namespace.run(() => execFileSync('ip', words.split(' '), { encoding: 'utf8' }));
  }

  /** The rules but for the kernel's own. */
  list(family: '-4' | '-6'): string[] {
    const lines = this.ip(`${family} rule`).trim().split(/ *\n/);
    return lines.map((line) => line.replace('\t', ' ')).filter((line) => !/^(0|32766|32767): /.test(line));
  }

  [Symbol.dispose](): void {
    this.socket.close();
    this.namespace[Symbol.dispose]();
  }
}

describe('policy rules', () => {
  it('are added in the families that they are for, changed, and cleared', () => {
    using node = new RuleNode();
    const rules = [
      { priority: 100 },
      { priority: 101, from: '10.0.0.0/8', incomingInterface: 'lo' },
      { priority: 102, to: 'fd00::/8', fwmark: 0x10, fwmask: 0xf0 },
      { priority: 103, family: 0, fwmark: 1 } as const,
    ];
    expect(node.rules.sync(rules)).toEqual([]);
    const all = '100: from all lookup 5000 proto bird';
    const fromTen = '101: from 10.0.0.0/8 iif lo lookup 5000 proto bird';
    expect(node.list('-4')).toEqual([all, fromTen, '103: from all fwmark 0x1 lookup 5000 proto bird']);
    expect(node.list('-6')).toEqual([all, '102: from all to fd00::/8 fwmark 0x10/0xf0 lookup 5000 proto bird']);

    expect(node.rules.sync(rules.slice(0, 2))).toEqual([]);
    expect([node.list('-4'), node.list('-6')]).toEqual([[all, fromTen], [all]]);
    node.ip('rule delete priority 101');
    expect(node.rules.sync(rules.slice(1, 2))).toEqual([]);
    expect([node.list('-4'), node.list('-6')]).toEqual([[fromTen], []]);
    node.rules.clear();
    expect([node.list('-4'), node.list('-6')]).toEqual([[], []]);
  });

  it('go to a table with a small number as well', () => {
    using node = new RuleNode(77);
    expect(node.rules.sync([{ priority: 100, family: 0 }])).toEqual([]);
    expect(node.rules.sync([{ priority: 100, family: 0 }])).toEqual([]);
    expect(node.list('-4')).toEqual(['100: from all lookup 77 proto bird']);
  });

  it('of others stay, and serve where they say the same', () => {
    using node = new RuleNode();
    node.ip('rule add priority 100 from 10.0.0.0/8 lookup 5000');
    node.ip('rule add priority 101 from all lookup 5000 tos 0x10');
    node.ip('rule add priority 102 from all lookup 6000 protocol bird');
    const foreign = node.list('-4');
    expect(node.rules.sync([{ priority: 100, from: '10.0.0.0/8' }])).toEqual([]);
    expect(node.list('-4')).toEqual(foreign);
    expect(node.rules.sync([{ priority: 101, family: 0 }])).toEqual([]);
    expect(node.list('-4')).toHaveLength(4);
    node.rules.clear();
    expect(node.list('-4')).toEqual(foreign);
  });

  it('of one priority are told apart though the kernel mixes them up', () => {
    using node = new RuleNode();
    const narrow = { priority: 100, from: '10.0.0.0/8' };
    const broad = { priority: 100, family: 0 } as const;
    expect(node.rules.sync([narrow, broad])).toEqual([]);
    expect(node.list('-4')).toHaveLength(2);
    expect(node.rules.sync([narrow])).toEqual([]);
    expect(node.list('-4')).toEqual(['100: from 10.0.0.0/8 lookup 5000 proto bird']);
    const [trouble] = node.rules.sync([narrow, broad]);
    expect(trouble.message).toMatch(/^add IPv4 rule 100: from all lookup 5000: .*\(EEXIST\)/);
    expect(node.rules.sync([broad])).toEqual([]);
    expect(node.list('-4')).toEqual(['100: from all lookup 5000 proto bird']);
  });

  it('that make no sense are named, and the rest is done', () => {
    using node = new RuleNode();
    const troubles = node.rules.sync([
      { priority: 100, from: 'ten' },
      { priority: 101, from: '10.0.0.0/8', to: 'fd00::/8' },
      { priority: 102, family: 0 },
    ]);
    expect(troubles).toEqual([
      { code: 'FIB_RULE', message: 'rule 100: "ten" is not an IP prefix' },
      { code: 'FIB_RULE', message: 'rule 101: "fd00::/8" is not an IPv4 prefix' },
    ]);
    expect(node.list('-4')).toEqual(['102: from all lookup 5000 proto bird']);
  });
});
